# The prepared Python environments, in the user's cache folder, shared by all clones. Sourced by ./lastmile and ./dev.
# Needs LASTMILE_HOME. An environment is made in place under a lock; one without its file `ready` was never finished.

CACHE=${XDG_CACHE_HOME:-${HOME:-}/.cache}/lastmile

# python_candidates: the interpreters to try, newest known first.
python_candidates() {
  local name
  for name in python3.14 python3.13 python3.12 python3.11 python3; do
    type -P "$name" || true
  done
}

# minor_version INTERPRETER: prints 3.11 and the like, from the name where it says so.
minor_version() {
  local name
  name=$(readlink -f "$1")
  if [[ ${name##*/} =~ ^python(3\.[0-9]+)$ ]]; then
    echo "${BASH_REMATCH[1]}"
  else
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'
  fi
}

# environment_folder KIND VERSION REQUIREMENTS...: prints where the environment of these requirements lies.
environment_folder() {
  local kind=$1 version=$2 digest
  shift 2
  digest=$({ cat "$@"; echo "python $version"; } | sha256sum)
  echo "$CACHE/$kind-${digest:0:12}"
}

# find_environment KIND REQUIREMENTS...: sets ENVIRONMENT to a finished one; false when there is none.
find_environment() {
  local kind=$1 interpreter folder
  shift
  while read -r interpreter; do
    folder=$(environment_folder "$kind" "$(minor_version "$interpreter")" "$@")
    if [[ -f $folder/ready && -x $folder/bin/python ]]; then
      ENVIRONMENT=$folder
      return
    fi
  done < <(python_candidates)
  return 1
}

# choose_python: sets INTERPRETER to a Python 3.11 or newer that can make environments, or says how to get one.
choose_python() {
  while read -r INTERPRETER; do
    if "$INTERPRETER" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      return
    fi
  done < <(python_candidates)
  cat >&2 <<'END'
error: No Python 3.11 or newer with the modules venv and ensurepip found on PATH (tried python3.14 to python3.11, python3).
Install one, for example with "apt-get install python3 python3-venv", or give --python PATH.
END
  exit 2
}

# pip_install FOLDER REQUIREMENTS: errors are shown, progress is not.
pip_install() {
  "$1/bin/python" -m pip install --quiet --no-input --disable-pip-version-check --progress-bar off -r "$2" >&2
}

# make_environment KIND NOTICE REQUIREMENTS...: sets ENVIRONMENT, made anew from the last of the requirements.
make_environment() {
  local kind=$1 notice=$2
  shift 2
  choose_python
  ENVIRONMENT=$(environment_folder "$kind" "$(minor_version "$INTERPRETER")" "$@")
  mkdir -p "$CACHE"
  exec 8>"$ENVIRONMENT.lock"
  flock 8
  if [[ ! -f $ENVIRONMENT/ready || ! -x $ENVIRONMENT/bin/python ]]; then
    printf 'lastmile: making a Python environment in %s\n%s\n' "$ENVIRONMENT" "$notice" >&2
    rm -rf "$ENVIRONMENT"
    if ! "$INTERPRETER" -m venv "$ENVIRONMENT" >&2 8>&- || ! pip_install "$ENVIRONMENT" "${*: -1}" 8>&-; then
      rm -rf "$ENVIRONMENT"
      echo "error: The Python environment could not be made; pip's message stands above." >&2
      exit 2
    fi
    touch "$ENVIRONMENT/ready"
  fi
  exec 8>&-
}

TRAINING_REQUIREMENTS=$LASTMILE_HOME/env/requirements.txt
DEV_REQUIREMENTS=$LASTMILE_HOME/env/requirements-dev.txt

# find_training_environment: sets ENVIRONMENT to the one for training scripts; false when it was not made yet.
find_training_environment() {
  find_environment python "$TRAINING_REQUIREMENTS"
}

# training_environment: the same, made when it is missing.
training_environment() {
  find_training_environment ||
    make_environment python "lastmile: downloading torch 2.15, numpy and pyarrow from PyPI: about 3.2 GB, 6 GB on disk, once, two minutes on a fast line" \
      "$TRAINING_REQUIREMENTS"
}

# dev_environment: sets ENVIRONMENT to the tools of ./dev laid over the one for training scripts.
dev_environment() {
  local under
  training_environment
  under=$("$ENVIRONMENT/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  find_environment dev "$TRAINING_REQUIREMENTS" "$DEV_REQUIREMENTS" ||
    make_environment dev "lastmile: downloading pytest, mypy, ruff and others: about 60 MB, once" \
      "$TRAINING_REQUIREMENTS" "$DEV_REQUIREMENTS"
  echo "$under" >"$("$ENVIRONMENT/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/training.pth"
}
