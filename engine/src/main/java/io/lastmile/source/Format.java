package io.lastmile.source;

import io.lastmile.dataset.Source;
import java.util.stream.Stream;

/** The formats of files: their word in messages, and the endings of the files meant by a folder. */
enum Format {
  PARQUET("Parquet", ".parquet"),
  CSV("CSV", ".csv"),
  JSON_LINES("JSON lines", ".jsonl .ndjson .json"),
  ARROW("Arrow", ".arrow .arrows .feather .ipc");

  private final String word;
  private final String endings;

  Format(String word, String endings) {
    this.word = word;
    this.endings = endings;
  }

  static Format of(Source.Files source) {
    return switch (source) {
      case Source.Parquet _ -> PARQUET;
      case Source.Csv _ -> CSV;
      case Source.JsonLines _ -> JSON_LINES;
      case Source.Arrow _ -> ARROW;
    };
  }

  String word() {
    return word;
  }

  /** For a message: {@code .csv}, or {@code .jsonl, .ndjson or .json}. */
  String endings() {
    int last = endings.lastIndexOf(' ');
    return last < 0
        ? endings
        : endings.substring(0, last).replace(" ", ", ") + " or " + endings.substring(last + 1);
  }

  /** Whether a file of this name in a folder is meant. */
  boolean names(String file) {
    return Stream.of(endings.split(" ")).anyMatch(file::endsWith);
  }
}
