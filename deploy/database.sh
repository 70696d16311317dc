#!/bin/sh
# Brings the roles and the logins of the database into place, as PostgreSQL's
# administrator (PGHOST, PGUSER, PGPASSWORD); may be run again at any time, and is at
# every `up`. Passwords become those of the environment.
#
#   qbwc         owns the database: migrations and operators' commands
#   qbwc_web     server and worker: owns nothing, so row-level security holds it
#   qbwc_reader  the support console: reads the views
#
# The roles are those that a migration would make if it might (docs/security.md).
set -eu
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
ALTER ROLE qbwc_reader LOGIN NOSUPERUSER NOBYPASSRLS INHERIT PASSWORD :'reading';
ALTER ROLE qbwc_reader SET default_transaction_read_only = on;
ALTER ROLE qbwc_reader SET statement_timeout = '30s';
GRANT qbwc_app, qbwc_support TO qbwc;
GRANT qbwc_app TO qbwc_web;
GRANT qbwc_support TO qbwc_reader;
REVOKE qbwc, qbwc_support FROM qbwc_web;
REVOKE qbwc, qbwc_app FROM qbwc_reader;
SELECT 'CREATE DATABASE qbwc OWNER qbwc'
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'qbwc') \gexec
REVOKE CONNECT, TEMPORARY ON DATABASE qbwc FROM PUBLIC;
GRANT CONNECT ON DATABASE qbwc TO qbwc_app, qbwc_support;
SQL
