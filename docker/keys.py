"""``python3 docker/keys.py``: makes the passwords and keys of compose.yml once, into docker/.env, which only its owner
reads. They are random and nowhere else; a file that is there already stays as it is."""

import base64
import os
import secrets
import sys
from pathlib import Path

PLACE = Path(__file__).with_name(".env")
NAMES = ("AIRFLOW_DB_PASSWORD", "MLFLOW_DB_PASSWORD", "WAREHOUSE_PASSWORD", "S3_SECRET_KEY", "AIRFLOW_JWT_SECRET")


def made() -> dict[str, str]:
    """A fresh set: name to value, letters, digits, - and _ only, so that they stand in URLs as they are."""
    fernet = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    values = {name: secrets.token_urlsafe(32) for name in NAMES}
    return {"S3_ACCESS_KEY": secrets.token_hex(10), "AIRFLOW_FERNET_KEY": fernet, **values}


def main(place: Path = PLACE) -> int:
    """Writes the file; 0 also where it is there already."""
    try:
        file = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        print(f"{place} is there already and stays as it is")
        return 0
    with os.fdopen(file, "w") as out:
        out.writelines(f"{name}={value}\n" for name, value in made().items())
    print(f"{place}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
