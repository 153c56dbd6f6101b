# Finds a JDK 25. Sourced by ./lastmile and ./dev; starts no process on the way.

# is_jdk_25 FOLDER: whether it holds the compiler and the launcher of a Java 25.
is_jdk_25() {
  local line
  [[ -x $1/bin/java && -x $1/bin/javac && -r $1/release ]] || return 1
  while IFS= read -r line; do
    [[ $line =~ ^JAVA_VERSION=\"25([.+\"-]|$) ]] && return 0
  done <"$1/release"
  return 1
}

# find_jdk: sets and exports JAVA_HOME, or says how to get a JDK 25 and ends with 2.
find_jdk() {
  local candidate on_path
  for candidate in "${JAVA_HOME:-}" /usr/lib/jvm/* "${HOME:-}"/.sdkman/candidates/java/*; do
    if [[ -n $candidate ]] && is_jdk_25 "$candidate"; then
      export JAVA_HOME=$candidate
      return
    fi
  done
  if on_path=$(type -P java); then
    on_path=$(readlink -f "$on_path")
    candidate=${on_path%/bin/java}
    if is_jdk_25 "$candidate"; then
      export JAVA_HOME=$candidate
      return
    fi
  fi
  cat >&2 <<'END'
error: No JDK 25 found (looked at JAVA_HOME, /usr/lib/jvm, ~/.sdkman/candidates/java and the java on PATH).
Install one, for example Eclipse Temurin 25 from https://adoptium.net or with SDKMAN ("sdk install java 25-tem"),
and set JAVA_HOME to its folder where it lies elsewhere.
END
  exit 2
}
