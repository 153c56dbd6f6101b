package io.lastmile.cli;

/**
 * A column of a generated table.
 *
 * @param name of the column
 * @param value type of its values
 * @param form one value a row, or several
 * @param expression SQL that computes it
 */
record GeneratedColumn(String name, Value value, Form form, String expression) {
  /** The number of values in an embedding. */
  static final int EMBEDDING_WIDTH = 64;

  /** A type of values. */
  enum Value {
    INT8,
    INT32,
    INT64,
    FLOAT32,
    TEXT,
    TIMESTAMP
  }

  /** How many values a row has. */
  enum Form {
    /** One. */
    SINGLE,
    /** Any number. */
    LIST,
    /** {@link #EMBEDDING_WIDTH}. */
    EMBEDDING
  }

  static GeneratedColumn single(String name, Value value, String expression) {
    return new GeneratedColumn(name, value, Form.SINGLE, expression);
  }
}
