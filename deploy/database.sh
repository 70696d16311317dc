#!/bin/sh
# Brings the roles and the logins of the database into place, as PostgreSQL's
# administrator (PGHOST, PGUSER, PGPASSWORD); may be run again at any time, and is at
# every `up`. Passwords become those of the environment, or of the files that it names
# (PGPASSWORD_FILE, QBWC_DATABASE_PASSWORD_FILE and so on).
#
#   qbwc         owns the database: migrations and operators' commands
#   qbwc_web     server and worker: owns nothing, so row-level security holds it
#   qbwc_reader  the support console: reads the views
#
# The roles are those that a migration would make if it might (docs/security.md).
set -eu
for one in PGPASSWORD QBWC_DATABASE_PASSWORD QBWC_SERVING_PASSWORD QBWC_SUPPORT_PASSWORD; do
  eval "file=\${${one}_FILE:-}"
  if [ -n "$file" ]; then
    password=$(cat "$file")
    export "$one=$password"
  fi
done
: "${QBWC_DATABASE_PASSWORD:?}" "${QBWC_SERVING_PASSWORD:?}" "${QBWC_SUPPORT_PASSWORD:?}"
until pg_isready -q; do sleep 1; done
exec psql -v ON_ERROR_STOP=1 -q --dbname postgres <<'SQL'
\set owner `printf %s "$QBWC_DATABASE_PASSWORD"`
\set serving `printf %s "$QBWC_SERVING_PASSWORD"`
\set reading `printf %s "$QBWC_SUPPORT_PASSWORD"`
SET client_min_messages = error;
SELECT 'CREATE ROLE ' || name FROM
  unnest(ARRAY['qbwc_app', 'qbwc_support', 'qbwc', 'qbwc_web', 'qbwc_reader']) name
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE qbwc_app NOLOGIN;
ALTER ROLE qbwc_support NOLOGIN;
ALTER ROLE qbwc LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'owner';
ALTER ROLE qbwc_web LOGIN NOSUPERUSER NOBYPASSRLS INHERIT PASSWORD :'serving';
-- A machine that is switched off says nothing. What it held would be held for hours, the
-- lock of a company with it; so it is asked, and ends after half a minute.
ALTER ROLE qbwc_web SET tcp_keepalives_idle = 10;
ALTER ROLE qbwc_web SET tcp_keepalives_interval = 5;
ALTER ROLE qbwc_web SET tcp_keepalives_count = 4;
ALTER ROLE qbwc_web SET tcp_user_timeout = '30s';
ALTER ROLE qbwc_web SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE qbwc_reader LOGIN NOSUPERUSER NOBYPASSRLS INHERIT PASSWORD :'reading';
ALTER ROLE qbwc_reader SET default_transaction_read_only = on;
ALTER ROLE qbwc_reader SET statement_timeout = '30s';
ALTER ROLE qbwc_reader SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE qbwc_reader SET temp_file_limit = '1GB';
GRANT qbwc_app, qbwc_support TO qbwc;
GRANT qbwc_app TO qbwc_web;
GRANT qbwc_support TO qbwc_reader;
REVOKE qbwc, qbwc_support FROM qbwc_web;
REVOKE qbwc, qbwc_app FROM qbwc_reader;
-- Who serves and who reads leave three connections to operators' commands, migrations and
-- backups, whatever else is going on (storage/connections.py has the same sums).
SELECT format('ALTER ROLE qbwc_reader CONNECTION LIMIT %s',
  greatest(1, least(50, current_setting('max_connections')::int / 8))) \gexec
SELECT format('ALTER ROLE qbwc_web CONNECTION LIMIT %s', greatest(1,
    current_setting('max_connections')::int - 3
    - current_setting('superuser_reserved_connections')::int
    - coalesce(current_setting('reserved_connections', true)::int, 0)
    - (SELECT coalesce(sum(r.rolconnlimit), 0) FROM pg_roles r, pg_auth_members m
       WHERE m.member = r.oid AND m.roleid = 'qbwc_support'::regrole
       AND r.rolcanlogin AND NOT r.rolsuper AND r.rolconnlimit > 0))) \gexec
SELECT 'CREATE DATABASE qbwc OWNER qbwc'
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'qbwc') \gexec
REVOKE CONNECT, TEMPORARY ON DATABASE qbwc FROM PUBLIC;
GRANT CONNECT ON DATABASE qbwc TO qbwc_app, qbwc_support;
-- What everybody may in PostgreSQL, and by which who only reads could stop the others:
-- enter a database beside ours, make large objects, take the locks of our programs. The
-- owner keeps it, so that a backup can be put back; he may end the readers' sessions.
REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC;
SELECT format('GRANT %I TO qbwc', r.rolname) FROM pg_roles r, pg_auth_members m
  WHERE m.member = r.oid AND m.roleid = 'qbwc_support'::regrole
  AND r.rolcanlogin AND NOT r.rolsuper AND NOT pg_has_role(r.oid, 'qbwc', 'MEMBER')
  AND NOT pg_has_role(r.oid, 'qbwc_app', 'MEMBER') \gexec
\connect qbwc
SET client_min_messages = error;
SELECT format('REVOKE EXECUTE ON FUNCTION %1$s FROM PUBLIC;'
    ' GRANT EXECUTE ON FUNCTION %1$s TO qbwc, qbwc_app', p.oid::regprocedure)
  FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace
  AND p.proname ~ '^pg_(try_)?advisory' \gexec
SELECT format('REVOKE EXECUTE ON FUNCTION %1$s FROM PUBLIC;'
    ' GRANT EXECUTE ON FUNCTION %1$s TO qbwc', p.oid::regprocedure)
  FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace
  AND p.proname IN ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_put', 'lowrite',
    'lo_import', 'lo_export', 'lo_truncate', 'lo_truncate64', 'lo_unlink') \gexec
SQL
