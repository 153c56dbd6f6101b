package io.lastmile.sequence;

/**
 * How far one dataset of a mix has been taken in an epoch.
 *
 * @param pass over it, from 0
 * @param split ordinal of the split of its next row; behind the last: it has none left
 * @param row number of that row among those of the split that stay
 * @param taken rows of this pass that were taken, those of finished splits included
 * @param read rows of its source in the splits, of all passes, that were taken to their end
 * @param delivered rows given to ranks in all passes
 */
public record Place(int pass, int split, long row, long taken, long read, long delivered) {
  /** Nothing taken. */
  static final Place START = new Place(0, 0, 0, 0, 0, 0);

  /** Behind so many rows of its split more. */
  Place plus(long rows) {
    return new Place(pass, split, row + rows, taken + rows, read, delivered + rows);
  }

  /** After its split, taken in part or whole, read so many rows. */
  Place reading(long splitRead) {
    return new Place(pass, split, row, taken, read + splitRead, delivered);
  }

  /** At the next split of the pass. */
  Place nextSplit(long splitRead) {
    return new Place(pass, split + 1, 0, taken, read + splitRead, delivered);
  }

  /** Behind the last of so many splits of the pass. */
  Place end(int splits) {
    return new Place(pass, splits, 0, taken, read, delivered);
  }

  /** At the start of the next pass. */
  Place nextPass() {
    return new Place(pass + 1, 0, 0, 0, read, delivered);
  }
}
