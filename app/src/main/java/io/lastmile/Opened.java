package io.lastmile;

import io.lastmile.run.RunRecord;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/** What a run has opened, closed in reverse. Used by one thread at a time. */
final class Opened {
  private final Deque<AutoCloseable> resources = new ArrayDeque<>();

  <T extends AutoCloseable> T add(T resource) {
    resources.push(resource);
    return resource;
  }

  /** Closes all. A failure is logged, where there is a record, and keeps no other from closing. */
  void close(@Nullable RunRecord record) {
    while (!resources.isEmpty()) {
      try {
        resources.pop().close();
      } catch (Exception e) {
        if (record != null) {
          record.log("closing failed: " + e);
        }
      }
    }
  }
}
