package io.lastmile.dataset;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the user sees for each mistake in an experiment file: the exact line. */
class ExperimentMistakesTest {
  @TempDir Path folder = Path.of("");

  private void sees(String yaml, String message, int line) {
    assertThat(new ExperimentFiles(folder).mistake(yaml))
        .isEqualTo("error: " + message + " [experiment.yaml:" + line + "]");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "stpes: []|Unknown key \"stpes\" (did you mean \"steps\"?)",
        "foo: 1|Unknown key \"foo\" (known: source, mix, on_dry, steps, tensors, batch, shuffle, keys, order, prefetch, slots, on_empty, last_step, certificate)",
        "batch: 0|Invalid batch: 0 (must be > 0)",
        "batch: -3|Invalid batch: -3 (must be > 0)",
        "batch: many|Invalid batch: \"many\" (must be a whole number)",
        "batch: 1.5|Invalid batch: 1.5 (must be a whole number)",
        "batch: 3000000000|Invalid batch: 3000000000 (must be at most 2147483647)",
        "batch:|Invalid batch: nothing (must be a whole number)",
        "batch: [1]|Invalid batch: a list (must be a whole number)",
        "batch: { a: 1 }|Invalid batch: a mapping (must be a whole number)",
        "batch: true|Invalid batch: true (must be a whole number)",
        "prefetch: 0|Invalid prefetch: 0 (must be > 0)",
        "slots: 0|Invalid slots: 0 (must be > 0)",
        "slots: 4|Invalid slots: 4 (must be > prefetch: 4)",
        "keys: user_id|Invalid keys: \"user_id\" (must be a list)",
        "keys: [user_id, 3]|Invalid keys[1]: 3 (must be text)",
        "keys: [a, b, a]|Invalid keys: \"a\" is listed twice",
        "keys: [\"\"]|Invalid keys: \"\" (must not be empty)",
        "shuffle: some|Invalid shuffle: \"some\" (must be none, { row_groups: n } or { within: PARTITION })",
        "shuffle: nonne|Invalid shuffle: \"nonne\" (did you mean \"none\"?)",
        "shuffle: true|Invalid shuffle: true (must be none, { row_groups: n } or { within: PARTITION })",
        "shuffle: {}|Invalid shuffle: a mapping (must be none, { row_groups: n } or { within: PARTITION })",
        "shuffle: { row_groups: 0 }|Invalid row_groups: 0 (must be > 0)",
        "shuffle: { rowgroups: 2 }|Unknown key \"rowgroups\" (did you mean \"row_groups\"?)",
        "shuffle: { within: 3 }|Invalid within: 3 (must be text)",
        "shuffle: { within: \"\" }|Invalid within: \"\" (must not be empty)",
        "order: random|Invalid order: \"random\" (must be one of deterministic, arrival)",
        "order: arival|Invalid order: \"arival\" (did you mean \"arrival\"?)",
        "steps: { filter: a }|Invalid steps: a mapping (must be a list)",
        "steps: [a]|Invalid steps[0]: \"a\" (must be a mapping)",
        "steps: [{}]|Invalid steps[0]: a mapping (must be a step such as filter: \"label = 1\")",
        "steps: [{ filter: a, drop: b }]|Invalid steps[0]: 2 steps in one (each needs a '-' of its own)",
        "steps: [filtr: a]|Unknown step \"filtr\" (did you mean \"filter\"?)",
        "steps: [filter: true]|Invalid filter: true (must be an SQL expression)",
        "steps: [filter: \" \"]|Invalid filter: \" \" (must be an SQL expression)",
        "steps: [derive: { a: 1 }]|Invalid a: 1 (must be an SQL expression)",
        "steps: [derive: { a: \"\" }]|Invalid a: \"\" (must be an SQL expression)",
        "steps: [derive: {}]|Invalid derive: none (must be at least one)",
        "steps: [derive: { a: b, a: c }]|Duplicate key \"a\" (first on line 6)",
        "steps: [select: []]|Invalid select: none (must be at least one)",
        "steps: [select: { a: b }]|Invalid select: a mapping (must be text or a list of text)",
        "steps: [drop: [a, a]]|Invalid drop: \"a\" is listed twice",
        "steps: [anti_join: { on: a }]|Missing key \"parquet\" (or csv, json, arrow, values)",
        "steps: [anti_join: { parquet: a }]|Missing key \"on\"",
        "steps: [anti_join: { parquet: a, on: 3 }]|Invalid on: 3 (must be a column, a list of columns or { left: right })",
        "steps: [anti_join: { parquet: a, on: [] }]|Invalid on: none (must be at least one)",
        "steps: [anti_join: { parquet: a, on: [b, b] }]|Invalid on: \"b\" is listed twice",
        "steps: [anti_join: { parquet: a, on: { b: \"\" } }]|Invalid on: \"\" (must not be empty)",
        "steps: [anti_join: { parquet: [], on: b }]|Invalid parquet: none (must be at least one)",
        "steps: [semi_join: { parquet: a, csv: b, on: c }]|Invalid source: parquet and csv (must be only one of parquet, csv, json, arrow)",
        "steps: [semi_join: { csv: b, values: { a: [1] }, on: c }]|Invalid semi_join: values and csv (must be only one of parquet, csv, json, arrow, values)",
        "steps: [semi_join: { values: { a: [1, x] }, on: a }]|Invalid values: \"a\" has x beside 1 (must be all whole numbers, all numbers with a point, all text or all true and false)",
        "steps: [semi_join: { values: { a: [1], b: [] }, on: a }]|Invalid values: \"b\" has none (must have at least one not null)",
        "steps: [semi_join: { values: { a: [1], b: [2, 3] }, on: a }]|Invalid values: \"a\" has 1, but \"b\" has 2",
        "steps: [semi_join: { csv: b, on: c, filter: \"\" }]|Invalid filter: \"\" (must be an SQL expression)",
        "steps: [semi_join: { csv: b, on: c, select: d }]|Unknown key \"select\" (known: on, filter)",
        "steps: [join: { csv: b, on: c, how: outer }]|Invalid how: \"outer\" (must be one of left, inner)",
        "steps: [join: { csv: b, on: c, match: any }]|Invalid match: \"any\" (must be one of unique, first)",
        "steps: [join: { parquet: b, on: c, on_corrupt: skip }]|Invalid on_corrupt: skip (the table of a join must be whole)",
        "steps: [rename: { \"a*\": b }]|Invalid name: \"b\" (must have one '*' where \"a*\" has one)",
        "steps: [rename: { a: \"\" }]|Invalid a: \"\" (must not be empty)",
        "steps: [cast: { a: \"INT); DROP\" }]|Invalid type: \"INT); DROP\" (must be an SQL type such as FLOAT or BIGINT[])",
        "steps: [cast: {}]|Invalid cast: none (must be at least one)",
        "steps: [sample: 0]|Invalid keep: 0.0 (must be in (0, 1])",
        "steps: [sample: { by: a }]|Missing key \"keep\"",
        "steps: [upsample: { where: a }]|Missing key \"repeat\"",
        "steps: [upsample: { repeat: 0 }]|Invalid repeat: 0 (must be > 0)",
        "steps: [weight: { w: [1] }]|Invalid w: a list (must be an SQL expression)",
        "steps: [label: { a: { else: 1 } }]|Missing key \"classes\"",
        "steps: [label: { a: { classes: {} } }]|Invalid classes: none (must be at least one)",
        "steps: [label: { a: { classes: { b: 1.5 } } }]|Invalid b: 1.5 (must be a whole number)",
        "steps: [explode: []]|Invalid columns: none (must be at least one)",
        "steps: [explode: { position: a }]|Missing key \"columns\"",
        "steps: [truncate: { columns: a }]|Invalid truncate: neither first nor last (must be one of them)",
        "steps: [truncate: { columns: a, first: 1, last: 1 }]|Invalid truncate: first and last (must be one of them)",
        "steps: [truncate: { columns: a, last: 0 }]|Invalid last: 0 (must be > 0)",
        "steps: [split: { by: a }]|Missing key \"parts\"",
        "steps: [split: { parts: { a: 0.7, b: 0.6 } }]|Invalid parts: they sum to 1.3 (must be at most 1)",
        "steps: [split: { parts: { a: 0.5, b: 0.6 } }]|Invalid parts: they sum to 1.1 (must be at most 1)",
        "steps: [split: { parts: { a: 0.5, b: 0 } }]|Invalid b: 0.0 (must be in (0, 1])",
        "steps: [split: { parts: { a: 0.5, b: 0.5 } }]|Missing part: no part is named \"train\" as the dataset is (must be one of a, b)",
        "steps: [split: { parts: { a: 0.5, b: 0.5 }, part: c }]|Unknown part \"c\" (must be one of a, b)",
        "steps: [limit: 0]|Invalid limit: 0 (must be > 0)",
        "steps: [{ limit: 5 }, { filter: a }]|Invalid limit: a step follows (must be the last)",
        "steps: [downsample: { where: a }]|Missing key \"keep\"",
        "steps: [downsample: { keep: 0 }]|Invalid keep: 0.0 (must be in (0, 1])",
        "steps: [downsample: { keep: 1.01 }]|Invalid keep: 1.01 (must be in (0, 1])",
        "steps: [downsample: { keep: -1 }]|Invalid keep: -1.0 (must be in (0, 1])",
        "steps: [downsample: { keep: .nan }]|Invalid keep: .nan (must be a finite number)",
        "steps: [downsample: { keep: [1] }]|Invalid keep: a list (must be a number)",
        "steps: [downsample: { keep: 1, by: [a, a] }]|Invalid by: \"a\" is listed twice",
        "steps: [downsample: { keep: 1, where: \"\" }]|Invalid where: \"\" (must be an SQL expression)",
        "steps: [downsample: { keep: 1, weight: \"\" }]|Invalid weight: \"\" (must not be empty)",
        "steps: [downsample: { keep: 1, resample: each_epoc }]|Invalid resample: \"each_epoc\" (did you mean \"each_epoch\"?)",
        "steps: [downsample: { keep: 1, resample: now }]|Invalid resample: \"now\" (must be one of once, each_epoch)",
        "steps: [downsample: { keep: 1, seed: 1 }]|Unknown key \"seed\" (known: where, keep, by, weight, salt, resample)",
      })
  void inADataset(String yaml, String message) {
    sees(ExperimentFiles.dataset(yaml), message, 6);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "mix: { train: 1 }|Invalid mix: a mapping (must be a list)",
        "mix: []|Invalid mix: no datasets (must be at least 2)",
        "mix: [{ dataset: train }]|Missing key \"ratio\"",
        "mix: [{ ratio: 0.5 }]|Missing key \"dataset\"",
        "mix: [{ dataset: train, ratio: 1 }]|Invalid ratio: 1.0 (must be in (0, 1))",
        "mix: [{ dataset: train, ratio: 0.5, weight: 1 }]|Unknown key \"weight\" (known: dataset, ratio)",
        "mix: [{ dataset: train, ratio: 0.5 }]|Invalid mix: 1 dataset (must be at least 2)",
        "mix: [{ dataset: train, ratio: 0.5 }, { dataset: train, ratio: 0.5 }]|Invalid mix: \"train\" is listed twice",
        "mix: [{ dataset: train, ratio: 0.7 }, { dataset: bare, ratio: 0.2 }]|Invalid mix: the ratios sum to 0.9 (must be 1)",
        "mix: [{ dataset: train, ratio: 0.5 }, { dataset: bare, ratio: 0.4 }]|Invalid mix: the ratios sum to 0.9 (must be 1)",
        "mix: [{ dataset: train, ratio: 0.5 }, { dataset: barr, ratio: 0.5 }]|Unknown dataset \"barr\" (must be one that is written above it) (did you mean \"bare\"?)",
        "mix: [{ dataset: train, ratio: 0.5 }, { dataset: both, ratio: 0.5 }]|Invalid dataset: \"both\" is a mix itself (mix its datasets)",
        "mix: [{ dataset: train, ratio: 0.5 }, { dataset: soon, ratio: 0.5 }]|Invalid dataset: \"soon\" has order: arrival (a mix needs order: deterministic)",
        "{ mix: [{ dataset: train, ratio: 0.5 }, { dataset: bare, ratio: 0.5 }], order: arrival, tensors: { a: { columns: a } } }|Invalid order: arrival (not for a mix, which draws whose row is next: must be deterministic)",
        "{ source: { csv: a }, order: arrival, steps: [limit: 3], tensors: { a: { columns: a } } }|Invalid order: arrival (not with limit, which takes the first rows: must be deterministic)",
        "{ source: { csv: a }, order: arrival, last_step: drop, tensors: { a: { columns: a } } }|Invalid order: arrival (not with last_step: drop, which drops the last rows: must be deterministic)",
        "{ on_dry: stop }|Invalid on_dry: only for a mix",
        "{ mix: [{ dataset: train, ratio: 0.5 }, { dataset: bare, ratio: 0.5 }], on_dry: end }|Invalid on_dry: \"end\" (must be one of stop, repeat, rest)",
        "{ mix: [{ dataset: train, ratio: 0.5 }, { dataset: bare, ratio: 0.5 }], source: { csv: a } }|Invalid source: beside a mix (must be only one of source, mix)",
        "{ mix: [{ dataset: train, ratio: 0.5 }, { dataset: bare, ratio: 0.5 }], shuffle: none, tensors: { a: { columns: a } } }|Invalid shuffle: not for a mix (each of its datasets has its own)",
        "{ mix: [{ dataset: train, ratio: 0.5 }, { dataset: bare, ratio: 0.5 }], steps: [filter: a], tensors: { a: { columns: a } } }|Invalid step: filter (a mix can only be limited; write the step in the datasets that are mixed)",
      })
  void inAMix(String yaml, String message) {
    String mixes =
        """
          bare: { source: { csv: a.csv } }
          both: { mix: [{ dataset: train, ratio: 0.5 }, { dataset: bare, ratio: 0.5 }], tensors: { a: { columns: a } } }
          soon: { source: { csv: a.csv }, order: arrival, tensors: { a: { columns: a } } }
          wrong:
        """;
    sees(ExperimentFiles.SMALLEST + mixes + yaml.indent(4), message, 10);
  }

  @Test
  void onlyWhatIsMixedNeedsNoTensors() {
    ExperimentFiles files = new ExperimentFiles(folder);
    String bare = ExperimentFiles.SMALLEST + "  bare: { source: { csv: a.csv } }\n";
    sees(bare, "Missing key \"tensors\"", 6);
    String mix =
        "  both: { mix: [{ dataset: train, ratio: 0.5 }, { dataset: bare, ratio: 0.5 }], tensors: { a: { columns: a } } }\n";
    sees(bare + mix.replace(", tensors: { a: { columns: a } }", ""), "Missing key \"tensors\"", 7);
    String part = "  part: { source: { dataset: bare, part: a } }\n";
    String split = "csv: a.csv }, steps: [split: { parts: { a: 0.5 }, part: a }] }";
    sees(bare.replace("csv: a.csv } }", split) + mix + part, "Missing key \"tensors\"", 8);
    assertThat(files.read(bare + mix).dataset("bare").tensors()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{}|Invalid tensors: none (must be at least one)",
        "[a]|Invalid tensors: a list (must be a mapping)",
        "{ x: a }|Invalid x: \"a\" (must be a mapping)",
        "{ x: {} }|Missing key \"columns\"",
        "{ x: { columns: 3 } }|Invalid columns: 3 (must be text or a list of text)",
        "{ x: { columns: [] } }|Invalid columns: none (must be at least one)",
        "{ x: { columns: \"\" } }|Invalid columns: \"\" (must not be empty)",
        "{ x: { columns: [a, a] } }|Invalid columns: \"a\" is listed twice",
        "{ x: { column: a } }|Unknown key \"column\" (did you mean \"columns\"?)",
        "{ x: { columns: a, dtype: flaot32 } }|Invalid dtype: \"flaot32\" (did you mean \"float32\"?)",
        "{ x: { columns: a, dtype: long } }|Invalid dtype: \"long\" (must be one of bool, int8, uint8, int16, int32, int64, float16, bfloat16, float32, float64)",
        "{ x: { columns: a, fill: zero } }|Invalid fill: \"zero\" (must be a number)",
        "{ x: { columns: a, fill: .inf } }|Invalid fill: .inf (must be a finite number)",
        "{ x: { columns: a, fill: 1e999 } }|Invalid fill: 1e999 (must be a finite number)",
        "{ x: { columns: a, fill: 9007199254740993 } }|Invalid fill: 9007199254740993 (must be a number that a 64-bit float holds exactly)",
        "{ x: { columns: a, fill: 0.5, dtype: int64 } }|Invalid fill: 0.5 (must be a value of int64)",
        "{ x: { columns: a, dtype: int8, fill: 128 } }|Invalid fill: 128.0 (must be a value of int8)",
        "{ x: { columns: a, dtype: float16, fill: 1e5 } }|Invalid fill: 100000.0 (must be a value of float16)",
        "{ x: { columns: a, max_length: 0 } }|Invalid max_length: 0 (must be > 0)",
        "{ x: { columns: a, null: drop } }|Invalid null: \"drop\" (must be one of fill, error, mask)",
        "{ x: { columns: a, null: ~ } }|Invalid null: nothing (must be text)",
        "{ x: { columns: a, null: error, fill: 0 } }|Invalid null: error (the tensor has a fill)",
        "{ x: { columns: a, max_length: 5, truncate: lats } }|Invalid truncate: \"lats\" (did you mean \"last\"?)",
        "{ x: { columns: a, truncate: last } }|Invalid truncate: last (needs max_length, the values that stay)",
        "{ x: { columns: a, pad: true } }|Invalid pad: true (needs max_length, the width of the matrix)",
        "{ x: { columns: a, max_length: 5, pad: 0 } }|Invalid pad: 0 (must be true or false)",
        "{ x: { columns: a, layout: flat } }|Invalid layout: \"flat\" (must be one of dense, keyed)",
        "{ x: { columns: a, layout: keyed, max_length: 2, pad: true } }|Invalid pad: true (a keyed tensor is no matrix)",
        "{ x: { columns: a, layout: keyed, null: mask } }|Invalid null: mask (a keyed tensor has no mask; take fill or error)",
        "{ x: { columns: a, vocabulary: [] } }|Invalid vocabulary: a list (must be text)",
        "{ x: { columns: a, vocabulary: \"\" } }|Invalid vocabulary: \"\" (must not be empty)",
        "{ x: { columns: a, vocabulary: w.txt, hash: { buckets: 2 } } }|Invalid vocabulary: \"w.txt\" (the tensor has a hash; take one of them)",
        "{ x: { columns: a, hash: 5 } }|Invalid hash: 5 (must be a mapping)",
        "{ x: { columns: a, hash: { seed: 5 } } }|Missing key \"buckets\"",
        "{ x: { columns: a, hash: { buckets: 0 } } }|Invalid buckets: 0 (must be > 0)",
        "{ x: { columns: a, hash: { buckets: 1, seed: 99999999999999999999 } } }|Invalid seed: 99999999999999999999 (must be a whole number of 64 bits)",
        "{ x: { columns: a }, x: { columns: b } }|Duplicate key \"x\" (first on line 5)",
      })
  void inTensors(String yaml, String message) {
    sees(ExperimentFiles.SMALLEST.replace("{ label: { columns: label } }", yaml), message, 5);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "a.parquet|Invalid source: \"a.parquet\" (must be a mapping)",
        "{}|Missing key \"parquet\" (or csv, json, arrow)",
        "{ parqet: a }|Unknown key \"parqet\" (did you mean \"parquet\"?)",
        "{ parquet: 3 }|Invalid parquet: 3 (must be text or a list of text)",
        "{ parquet: [a, 3] }|Invalid parquet[1]: 3 (must be text)",
        "{ parquet: [a, a] }|Invalid parquet: \"a\" is listed twice",
        "{ parquet: \"\" }|Invalid parquet: \"\" (must not be empty)",
        "{ parquet: a, on_corrupt: stop }|Invalid on_corrupt: \"stop\" (must be one of fail, skip)",
        "{ parquet: a, schema: loose }|Invalid schema: \"loose\" (must be one of strict, union)",
        "{ on_corrupt: skip }|Missing key \"parquet\" (or csv, json, arrow)",
        "{ csv: [] }|Invalid csv: none (must be at least one)",
        "{ jsonl: a }|Unknown key \"jsonl\" (did you mean \"json\"?)",
        "{ json: \"\" }|Invalid json: \"\" (must not be empty)",
        "{ arrow: 3 }|Invalid arrow: 3 (must be text or a list of text)",
        "{ csv: a, parquet: b }|Invalid source: csv and parquet (must be only one of parquet, csv, json, arrow)",
        "{ csv: a, schema: union }|Invalid schema: only for parquet (the source is csv)",
        "{ on_corrupt: fail, json: a }|Invalid on_corrupt: only for parquet (the source is json)",
      })
  void inASource(String yaml, String message) {
    sees(ExperimentFiles.SMALLEST.replace("{ parquet: a.parquet }", yaml), message, 4);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "seed: x|Invalid seed: \"x\" (must be a whole number)",
        "seed: 9223372036854775808|Invalid seed: 9223372036854775808 (must be a whole number of 64 bits)",
        "version: 1|Unknown key \"version\" (known: name, seed, datasets, train, cluster)",
        "? [a]\\n: b|Invalid key: a list or mapping (must be text)",
        "seed: !!set {a}|Invalid seed: tag tag:yaml.org,2002:set (tags are not used)",
        "seed: !!int abc|Invalid seed: abc (must be a whole number)",
        "seed: !!str [a]|Invalid seed: tag tag:yaml.org,2002:str (tags are not used)",
        "seed: !x 1|Invalid seed: tag !x (tags are not used)",
        "seed: &a [*a]|Invalid seed: an anchor that holds itself",
        "name: other|Duplicate key \"name\" (first on line 1)",
        "train: train.py|Invalid train: \"train.py\" (must be a mapping)",
        "train:|Invalid train: nothing (must be a mapping)",
        "train: { ranks: 2 }|Missing key \"script\"",
        "train: { script: 3 }|Invalid script: 3 (must be text)",
        "train: { script: \"\" }|Invalid script: \"\" (must not be empty)",
        "train: { script: a, ranks: 0 }|Invalid ranks: 0 (must be > 0)",
        "train: { script: a, args: b }|Invalid args: \"b\" (must be a list)",
        "train: { script: a, args: [[b]] }|Invalid args[0]: a list (must be text or a number)",
        "train: { script: a, args: [~] }|Invalid args[0]: nothing (must be text or a number)",
        "train: { scirpt: a }|Unknown key \"scirpt\" (did you mean \"script\"?)",
        "train: { script: a, restarts: -1 }|Invalid restarts: -1 (must be >= 0)",
        "train: { script: a, restarts: often }|Invalid restarts: \"often\" (must be a whole number)",
        "train: { script: a, stall_timeout: 0 }|Invalid stall_timeout: 0 (must be > 0)",
        "train: { script: a, stall_timeout: -1.5 }|Invalid stall_timeout: -1.5 (must be > 0)",
        "train: { script: a, stall_timeout: 3 days }|Invalid stall_timeout: \"3 days\" (must be a duration such as 30s or 5m)",
        "train: { script: a, stall_timeout: 1e9 }|Invalid stall_timeout: 1e9 (must be a duration such as 30s or 5m)",
        "train: { script: a, stall_timeout: true }|Invalid stall_timeout: true (must be a duration such as 30s or 5m)",
        "cluster: local|Invalid cluster: \"local\" (must be a mapping)",
        "cluster: { kind: loca }|Invalid kind: \"loca\" (did you mean \"local\"?)",
        "cluster: { kind: yarn }|Invalid kind: \"yarn\" (must be local)",
        "cluster: { workers: 4 }|Invalid workers: 4 (must be a mapping)",
        "cluster: { workers: { max: 0 } }|Invalid max: 0 (must be > 0)",
        "cluster: { workers: { min: 0 } }|Invalid min: 0 (must be > 0)",
        "cluster: { workers: { memory: 0 } }|Invalid memory: 0 (must be > 0)",
        "cluster: { workers: { memory: 2 gigs } }|Invalid memory: \"2 gigs\" (must be a size such as 512MiB or 2GiB)",
        "cluster: { workers: { memory: 1.5 } }|Invalid memory: 1.5 (must be a size such as 512MiB or 2GiB)",
        "cluster: { workers: { split_timeout: 0 } }|Invalid split_timeout: 0 (must be > 0)",
        "cluster: { workers: { split_timeout: soon } }|Invalid split_timeout: \"soon\" (must be a duration such as 30s or 5m)",
        "cluster: { worker: { max: 0 } }|Unknown key \"worker\" (did you mean \"workers\"?)",
      })
  void inTheExperiment(String yaml, String message) {
    sees(ExperimentFiles.more(yaml.replace("\\n", "\n") + "\n"), message, 6);
  }

  @ParameterizedTest
  @CsvSource({"a b", ".hidden", "a/b", "-x", "ü"})
  void inAName(String name) {
    String bound =
        "\" (must be letters, digits, '-', '_' and '.', begin with a letter or digit, and be at"
            + " most 100 long)";
    sees(
        ExperimentFiles.SMALLEST.replace("ctr", "'" + name + "'"),
        "Invalid name: \"" + name + bound,
        1);
    sees(
        ExperimentFiles.SMALLEST.replace("train", "'" + name + "'"),
        "Invalid name: \"" + name + bound,
        3);
  }

  @Test
  void theFirstMistakeOfTheFileIsTheOneThatIsSeen() {
    String yaml =
        """
        name: ctr
        datasets:
          train:
            batch: 0
            source: { parquett: a }
            tensors: 3
        sed: 3
        """;
    sees(yaml, "Invalid batch: 0 (must be > 0)", 4);
    sees(
        yaml.replace("batch: 0", "batch: 1"),
        "Unknown key \"parquett\" (did you mean \"parquet\"?)",
        5);
  }

  @Test
  void missingKeys() {
    ExperimentFiles files = new ExperimentFiles(folder);
    assertThat(files.mistake("seed: 3\n"))
        .isEqualTo("error: Missing key \"name\" [experiment.yaml]");
    assertThat(files.mistake("name: a\n"))
        .isEqualTo("error: Missing key \"datasets\" [experiment.yaml]");
    sees("name: a\ndatasets:\n  train: {}\n", "Missing key \"source\"", 3);
    sees("name: a\ndatasets:\n  train: { source: { parquet: a } }\n", "Missing key \"tensors\"", 3);
    sees("name: a\n\ndatasets: {}\n", "Invalid datasets: none (must be at least one)", 3);
    sees("name: a\n\ndatasets: [a]\n", "Invalid datasets: a list (must be a mapping)", 3);
  }

  @Test
  void whatIsNoExperiment() {
    ExperimentFiles files = new ExperimentFiles(folder);
    assertThat(files.mistake("")).isEqualTo("error: The experiment is empty [experiment.yaml]");
    assertThat(files.mistake("# nothing\n"))
        .isEqualTo("error: The experiment is empty [experiment.yaml]");
    assertThat(files.mistake("- a\n"))
        .isEqualTo("error: Invalid experiment: a list (must be a mapping) [experiment.yaml]");
  }

  @Test
  void whatIsNoYaml() {
    sees("name: a\nseed: b: c\n", "Invalid YAML: mapping values are not allowed here", 2);
    sees("name: [a\nseed: 1\n", "Invalid YAML: expected ',' or ']', but got :", 2);
    sees(
        "name: a\n\tseed: 1\n",
        "Invalid YAML: found character '\\t(TAB)' that cannot start any token. (Do not use \\t(TAB) for"
            + " indentation)",
        2);
    sees("name: a\n---\nname: b\n", "Invalid YAML: but found another document", 2);
    sees("name: *a\n", "Invalid YAML: found undefined alias a", 1);
    sees("name: ä\nseed: \u0001\n", "Invalid YAML: character U+0001", 2);
  }

  @Test
  void whatIsNoFile() throws IOException {
    Path missing = folder.resolve("missing.yaml");
    assertThatThrownBy(() -> ExperimentReader.read(missing))
        .hasMessage("No such experiment file: " + missing);
    assertThatThrownBy(() -> ExperimentReader.read(folder))
        .hasMessage("Invalid experiment file: " + folder + " (is a folder)");
    Path latin = Files.write(folder.resolve("latin.yaml"), new byte[] {'a', (byte) 0xE4, 'b'});
    assertThatThrownBy(() -> ExperimentReader.read(latin))
        .hasMessage("Invalid experiment file: " + latin + " (must be UTF-8 text)");
  }
}
