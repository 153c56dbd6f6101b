package io.lastmile.source;

import java.nio.file.Path;

/** A folder that the test deletes. */
public record TestScratch(Path folder) implements Scratch {
  @Override
  public void close() {
    // The test's folder goes with the test.
  }
}
