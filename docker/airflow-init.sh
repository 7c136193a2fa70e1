#!/bin/sh
# Airflow's tables, the pool that keeps nights apart, and the first time its one user. The password is made here and
# shown this once; `docker compose run --rm airflow-init airflow users reset-password --username daybreak` makes another.
set -eu
airflow db migrate
airflow pools set spark "${DAYBREAK_SPARK_SLOTS:-1}" "How many stages may use Spark at once"
if ! airflow users list --output plain | grep -qw daybreak; then
    password=$(python -c 'import secrets; print(secrets.token_urlsafe(18))')
    airflow users create --role Admin --username daybreak --password "$password" \
        --firstname Daybreak --lastname Operator --email daybreak@localhost >/dev/null
    echo "Airflow's user: daybreak   password, shown only now: $password"
fi
