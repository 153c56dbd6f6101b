# Fetches the Open Bandit sample and turns it into Parquet. Sourced by ./lastmile, which gives CACHE, JAVA_COMMAND
# and the functions of env/python.sh.

CONVERTER=1 # to be raised when the conversion changes

# open_bandit_data EXAMPLE: makes EXAMPLE/data, a link to the tables in the user's cache folder.
open_bandit_data() {
  local example=$1 tables=$CACHE/open-bandit-0.4.1-$CONVERTER
  mkdir -p "$CACHE"
  exec 8>"$tables.lock"
  flock 8
  if [[ ! -d $tables ]]; then
    make_open_bandit_tables "$example" "$tables" 8>&-
  fi
  exec 8>&-
  ln -sfn "$tables" "$example/data"
}

# make_open_bandit_tables EXAMPLE TABLES: all or nothing.
make_open_bandit_tables() {
  local example=$1 tables=$2 work
  work=$(mktemp -d "$tables.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cat >&2 <<'END'
lastmile: fetching the Open Bandit sample (1.3 MB): six click logs of 10,000 rows in the package obp 0.4.1.
  Open Bandit Dataset, provided by ZOZO, Inc.; obp is Copyright 2020 Yuta Saito, Yusuke Narita and ZOZO Technologies, Inc., Apache License 2.0.
  Saito, Aihara, Matsutani, Narita: Open Bandit Dataset and Pipeline, https://arxiv.org/abs/2008.07146
END
  training_environment
  if ! "$ENVIRONMENT/bin/python" -m pip download --quiet --no-input --disable-pip-version-check --progress-bar off \
    --no-deps --require-hashes --only-binary :all: --dest "$work" -r "$example/requirements.txt" >&2; then
    echo "error: The Open Bandit sample could not be fetched; pip's message stands above." >&2
    exit 5
  fi
  "$ENVIRONMENT/bin/python" -m zipfile -e "$work"/obp-*.whl "$work/obp"
  "${JAVA_COMMAND[@]}" open-bandit "$work/obp/obp/dataset/obd" "$work/tables" >&2
  cp "$work"/obp/obp-*.dist-info/LICENSE "$work/tables/LICENSE"
  mv "$work/tables" "$tables"
  rm -rf "$work"
  trap - EXIT
}
