package io.lastmile.query;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** What Lastmile keeps for a user from one process to the next; all of it can be made anew. */
public final class UserCache {
  private UserCache() {}

  /** Lastmile's folder in the user's cache; it may not exist yet. */
  public static Path folder() {
    return folder(System.getenv("XDG_CACHE_HOME"), System.getProperty("user.home"));
  }

  static Path folder(@Nullable String xdgCacheHome, String home) {
    boolean given = xdgCacheHome != null && Path.of(xdgCacheHome).isAbsolute();
    return (given ? Path.of(xdgCacheHome) : Path.of(home, ".cache")).resolve("lastmile");
  }
}
