# Run once, by the image of PostgreSQL, when its volume is empty: a database whose
# owner is no superuser, and the roles that a migration would make if it might: what
# server and worker work as (docs/security.md), and what people of support read as.
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\set password `printf %s "$QBWC_DATABASE_PASSWORD"`
CREATE ROLE qbwc_app NOLOGIN;
CREATE ROLE qbwc_support NOLOGIN;
CREATE ROLE qbwc LOGIN PASSWORD :'password' IN ROLE qbwc_app, qbwc_support;
CREATE DATABASE qbwc OWNER qbwc;
REVOKE CONNECT ON DATABASE qbwc FROM PUBLIC;
GRANT CONNECT ON DATABASE qbwc TO qbwc_support;
SQL
