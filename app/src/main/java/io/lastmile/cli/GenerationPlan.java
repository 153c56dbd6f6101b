package io.lastmile.cli;

/**
 * How many rows are made, of what.
 *
 * @param shape which columns
 * @param rows in all files together, &gt; 0
 * @param files they are spread over, evenly, &gt; 0
 * @param rowGroup rows per row group, &gt; 0; the writer rounds it up to a multiple of 2,048
 * @param seed of everything
 * @param wide further scalar columns
 * @param sessions rows that share a request, and with it user, sequences and embedding; 1: none do
 */
record GenerationPlan(
    Shape shape, long rows, int files, int rowGroup, long seed, int wide, int sessions) {

  /** The first row of a file, from 0; that of the file after the last is the end. */
  long firstRow(int file) {
    return rows / files * file + Math.min(file, rows % files);
  }

  /** About what a row group takes in memory, uncompressed. */
  long rowGroupBytes() {
    return rowGroup * (shape.bytesPerRow + 8L * wide);
  }

  /** Which columns a table of impressions has. */
  enum Shape {
    /** 60 dense features, 40 categories, six sequences of 90 on average, an embedding. */
    FULL(60, 40, 256, 4600),
    /** Four dense features, two categories, a sequence of 11 on average. */
    NARROW(4, 2, 32, 170);

    private final int dense;
    private final int categories;
    private final int longest;
    private final int bytesPerRow;

    Shape(int dense, int categories, int longest, int bytesPerRow) {
      this.dense = dense;
      this.categories = categories;
      this.longest = longest;
      this.bytesPerRow = bytesPerRow;
    }

    /** Dense features: float32, every fifth a tenth null. */
    int dense() {
      return dense;
    }

    /** Categorical ids. */
    int categories() {
      return categories;
    }

    /** Values in the longest sequence. */
    int longest() {
      return longest;
    }
  }
}
