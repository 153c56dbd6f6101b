package io.lastmile.source;

import java.nio.file.Path;

/**
 * The place of one job for tables that are converted to Parquet. Whoever makes it says where it
 * lies, and sees to it that nothing stays behind, however the process ends.
 */
public interface Scratch extends AutoCloseable {
  /** The folder, made at the first call; one thread at a time. */
  Path folder();

  /** Deletes what was made. No table of the job may be read any more. Idempotent. */
  @Override
  void close();
}
