# Run once, by the image of PostgreSQL, when its volume is empty: a database whose
# owner is no superuser, and the role that server and worker work as (docs/security.md).
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\set password `printf %s "$QBWC_DATABASE_PASSWORD"`
CREATE ROLE qbwc_app NOLOGIN;
CREATE ROLE qbwc LOGIN PASSWORD :'password' IN ROLE qbwc_app;
CREATE DATABASE qbwc OWNER qbwc;
REVOKE CONNECT ON DATABASE qbwc FROM PUBLIC;
SQL
