package io.lastmile.source;

import io.lastmile.error.LastmileException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;

/**
 * What a CSV file holds by the letter of RFC 4180: the engine's reader is more lenient, and leaves
 * rows out without a word.
 *
 * @param names of the columns, from its first line
 * @param rows behind that line; empty lines are none, unless there is only one column
 */
record CsvFile(List<String> names, long rows) {
  private static final String LF = "\n";
  private static final String CRLF = "\r\n";

  CsvFile {
    names = List.copyOf(names);
  }

  /**
   * Reads a file once, from its first byte to its last.
   *
   * @throws LastmileException of kind USER that names the file, the line and its text
   */
  static CsvFile read(FoundFile file, String element) throws IOException {
    Reader reader = new Reader(file, element);
    byte[] buffer = new byte[1 << 16];
    try (InputStream in = Files.newInputStream(file.path())) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        for (int i = 0; i < n; i++) {
          reader.take(buffer[i]);
        }
      }
    }
    return reader.end();
  }

  private enum State {
    /** Before the first byte of a value. */
    START,
    PLAIN,
    QUOTED,
    /** Behind a quote in a quoted value: its end, or the first of two. */
    QUOTE,
    /** Behind a carriage return outside of quotes. */
    RETURN
  }

  /** One pass over a file. */
  private static final class Reader {
    private static final int SHOWN = 80;

    private final FoundFile file;
    private final String element;
    private final List<String> names = new ArrayList<>();
    private final ByteArrayOutputStream name = new ByteArrayOutputStream();
    private final ByteArrayOutputStream text = new ByteArrayOutputStream();
    private State state = State.START;
    private String lineEnd = "";
    private boolean inHeader = true;
    private long line = 1;
    private long firstLine = 1;
    private long values = 1;
    private long rows;
    private int length;

    Reader(FoundFile file, String element) {
      this.file = file;
      this.element = element;
    }

    void take(byte next) {
      if (next == '\n' && state != State.QUOTED) {
        endRecord(state == State.RETURN ? CRLF : LF);
        return;
      }
      if (length++ < SHOWN) {
        text.write(next);
      }
      switch (state) {
        case START, PLAIN -> plain(next);
        case QUOTED -> quoted(next);
        case QUOTE -> quote(next);
        case RETURN -> throw wrong("a carriage return without a line feed");
      }
    }

    private void plain(byte next) {
      if (next == ',') {
        endValue();
      } else if (next == '\r') {
        state = State.RETURN;
      } else if (next == '"' && state == State.START) {
        state = State.QUOTED;
      } else if (next == '"') {
        throw wrong("a quote in a value without quotes");
      } else {
        state = State.PLAIN;
        keep(next);
      }
    }

    private void quoted(byte next) {
      if (next == '"') {
        state = State.QUOTE;
        return;
      }
      line += next == '\n' ? 1 : 0;
      keep(next);
    }

    private void quote(byte next) {
      switch (next) {
        case '"' -> {
          state = State.QUOTED;
          keep(next);
        }
        case ',' -> endValue();
        case '\r' -> state = State.RETURN;
        default -> throw wrong("text behind a closing quote");
      }
    }

    private void keep(byte next) {
      if (inHeader) {
        name.write(next);
      }
    }

    private void endValue() {
      values++;
      state = State.START;
      endName();
    }

    private void endName() {
      if (inHeader) {
        names.add(name.toString(StandardCharsets.UTF_8));
        name.reset();
      }
    }

    private void endRecord(String end) {
      if (inHeader) {
        endName();
        checkNames();
        lineEnd = end;
      } else if (length > (state == State.RETURN ? 1 : 0) || names.size() == 1) {
        if (values != names.size()) {
          throw wrong("%d values instead of %d".formatted(values, names.size()));
        }
        rows++;
      }
      if (!end.equals(lineEnd)) {
        throw wrong("a line end unlike that of the first line");
      }
      begin();
    }

    private void begin() {
      inHeader = false;
      line++;
      firstLine = line;
      values = 1;
      length = 0;
      text.reset();
      state = State.START;
    }

    private void checkNames() {
      String first = names.getFirst();
      names.set(0, first.startsWith("\uFEFF") ? first.substring(1) : first);
      int empty = names.indexOf("");
      if (empty >= 0) {
        throw LastmileException.user(
            element,
            "Column %d of \"%s\" has no name (the first line must name the columns)"
                .formatted(empty + 1, file.shown()));
      }
    }

    CsvFile end() {
      if (state == State.QUOTED) {
        throw wrong("a quoted value without an end");
      }
      if (state == State.RETURN) {
        throw wrong("a carriage return without a line feed");
      }
      if (inHeader && length == 0) {
        throw LastmileException.user(
            element,
            "\"%s\" is empty (the first line must name the columns)".formatted(file.shown()));
      }
      if (inHeader || length > 0) {
        endRecord(lineEnd.isEmpty() ? LF : lineEnd);
      }
      return new CsvFile(names, rows);
    }

    private LastmileException wrong(String what) {
      String shown = text.toString(StandardCharsets.UTF_8).strip();
      return LastmileException.user(
          element,
          "\"%s\", line %d: %s: %s (must be comma-separated values as in RFC 4180)"
              .formatted(file.shown(), firstLine, what, length > SHOWN ? shown + "…" : shown));
    }
  }
}
