# Read by deploy/backup and deploy/restore: how PostgreSQL's own programs and qbwc-server
# are run. With COMPOSE ("docker compose") in the containers of docker-compose.yml, else
# here, as PostgreSQL's administrator (PGHOST, PGUSER, PGPASSWORD), and qbwc-server with
# the owner's login (QBWC_DATABASE_URL, QBWC_SECRET_KEY); the database's name is then
# that of PGDATABASE, else qbwc.
live=qbwc
if [ -z "${COMPOSE:-}" ]; then live=${PGDATABASE:-qbwc}; fi

in_db() {
  if [ -n "${COMPOSE:-}" ]; then
    $COMPOSE exec -T db sh -euc \
      'export PGUSER=postgres PGPASSWORD=$(cat /run/secrets/POSTGRES_PASSWORD); exec "$@"' - "$@"
  else
    "$@"
  fi
}

server() {
  if [ -n "${COMPOSE:-}" ]; then
    $COMPOSE run --rm -T operator "$@" </dev/null
  else
    qbwc-server "$@" </dev/null
  fi
}

sql() { # DATABASE, psql's options; statements from standard input, rows to standard output
  database=$1
  shift
  in_db psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$database" "$@"
}

end() { # says why, in one line
  printf '%s\n' "$1" >&2
  exit 1
}

# What a program says in many lines, in one: its first error, else its last line.
why() {
  error=$(sed -n 's/^.*\(ERROR\|[Ee]rror\|FATAL\|fatal\): *//p' "$1" | head -1)
  if [ -n "$error" ]; then echo "$error"; else tail -1 "$1"; fi
}

# Nothing but reading all of it tells a whole file: a list of what is in it stands at its
# beginning.
whole() {
  in_db pg_restore -l <"$1" >"$said" 2>&1 || end "$1 is no backup: $(why "$said")"
  for table in company alembic_version; do
    grep -q " TABLE [^ ]* $table " "$said" || end "$1 holds no database of qbwc-server."
  done
  in_db pg_restore -f /dev/null <"$1" >"$said" 2>&1 ||
    end "$1 is broken: $(why "$said")"
}

said=$(mktemp)
