# Builds the jars when they are missing or older than the sources. Sourced by ./lastmile and ./dev, after env/jdk.sh.
# Needs LASTMILE_HOME.

JARS=$LASTMILE_HOME/app/target
STAMP=$JARS/lastmile.stamp # as old as the start of the last build
AOT_CACHE=$JARS/lastmile.aot

# is_built: whether nothing changed since the last build. A file that was deleted shows in its folder's time.
is_built() {
  local sources=("$LASTMILE_HOME/pom.xml" "$LASTMILE_HOME/.mvn")
  local module
  [[ -f $STAMP && -d $JARS/lib ]] || return 1
  for module in engine service launcher app; do
    sources+=("$LASTMILE_HOME/$module/pom.xml" "$LASTMILE_HOME/$module/src/main")
  done
  [[ -z $(find "${sources[@]}" -newer "$STAMP" -print -quit) ]]
}

# class_path: sets CLASS_PATH to the jars, in an order that never changes (the AOT cache is bound to it).
class_path() {
  local LC_ALL=C jar
  CLASS_PATH=
  for jar in "$JARS"/lastmile-app-*.jar "$JARS"/lib/*.jar; do
    CLASS_PATH+=${CLASS_PATH:+:}$jar
  done
}

# java_flags: sets JAVA_FLAGS for every start of Lastmile. They must be those of the AOT cache's training run.
# The log of the JVM itself is off but for errors: what it prints would mix with our own output, and a cache that
# does not fit is no matter for the user, it only saves time.
java_flags() {
  JAVA_FLAGS=(
    -XX:+UseSerialGC -Xmx512m -Xss512k
    --enable-native-access=ALL-UNNAMED --add-opens=java.base/java.nio=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow
    "-XX:ErrorFile=$JARS/crash-%p.log"
    -Xlog:disable -Xlog:all=error:stderr "-Xlog:aot*=off:stderr" "-Xlog:cds*=off:stderr"
  )
}

# maven ARGS...: the wrapper, with our JDK.
maven() {
  (cd "$LASTMILE_HOME" && ./mvnw -B "$@")
}

# mark_built START: notes that the jars were built from the sources as they were when the file START was written,
# and trains the AOT cache.
mark_built() {
  mv -f "$1" "$STAMP"
  train_aot_cache
}

# train_aot_cache: keeps what a start loads and links, and which code is hot, so that the next ones need not find out. Its
# training run serves one epoch of a small table. Leaves no cache when it fails.
train_aot_cache() {
  local work main
  class_path
  java_flags
  rm -f "$AOT_CACHE"
  work=$(mktemp -d)
  main=("$JAVA_HOME/bin/java" "${JAVA_FLAGS[@]}" -cp "$CLASS_PATH" io.lastmile.cli.Main)
  cat >"$work/experiment.yaml" <<'END'
name: training-run
datasets:
  train:
    source: { parquet: tables/impressions }
    steps:
      - anti_join:  { parquet: tables/spam_users.parquet, on: user_id }
      - downsample: { where: "label = 0", keep: 0.5, by: [user_id, item_id], weight: weight }
      - derive:     { engaged: "label = 1 AND dwell_s > 10" }
    tensors: { dense: { columns: "dense_*", fill: 0 }, seq_item: { columns: seq_item }, label: { columns: engaged } }
    keys: [user_id, surface]
    batch: 1024
END
  if "${main[@]}" generate "$work/tables" --rows 1048576 --files 4 --shape narrow >/dev/null 2>&1; then
    python3 "$LASTMILE_HOME/env/rehearse.py" "${main[@]:0:1}" -XX:AOTCacheOutput="$AOT_CACHE.new" "${main[@]:1}" \
      serve "$work/experiment.yaml" --embedded >/dev/null 2>&1 || rm -f "$AOT_CACHE.new"
  fi
  rm -rf "$work"
  if [[ -f $AOT_CACHE.new ]]; then
    mv -f "$AOT_CACHE.new" "$AOT_CACHE"
  fi
}

# build_if_needed: two starts at once build once; the second waits for the first.
build_if_needed() {
  local start
  is_built && return
  exec 9<"$LASTMILE_HOME"
  flock 9
  if ! is_built; then
    echo "lastmile: building (the first time takes a few minutes: libraries are downloaded)" >&2
    start=$(mktemp)
    rm -rf "$JARS/lib" "$JARS"/lastmile-app-*.jar
    if ! maven -q -Dquick -DskipTests package </dev/null >&2 9<&-; then
      rm -f "$start"
      echo "error: The build failed; its messages stand above." >&2
      exit 2
    fi
    mark_built "$start" 9<&-
  fi
  exec 9<&-
}
