package io.lastmile.feed;

import io.lastmile.source.Scratch;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The folder of this process on disk, for tables that are converted: {@code
 * ${TMPDIR:-/tmp}/lastmile-<uid>/<12 hex digits>/}, made and locked like the {@link RuntimeFolder},
 * whose opening deletes those of dead processes too. Any thread.
 */
public final class TemporaryFolder implements Scratch {
  private @Nullable RuntimeFolder folder;

  @Override
  public synchronized Path folder() {
    if (folder == null) {
      folder = RuntimeFolder.open(RuntimeFolder.temporary(), "TMPDIR");
      // For a signal that ends the process while it plans.
      Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().unstarted(folder::close));
    }
    return folder.path();
  }

  @Override
  public synchronized void close() {
    if (folder != null) {
      folder.close();
      folder = null;
    }
  }
}
