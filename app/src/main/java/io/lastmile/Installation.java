package io.lastmile;

import java.io.File;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where Lastmile is installed.
 *
 * @param home the folder whose {@code python} folder holds the client; null: unknown, the Python of
 *     the ranks must have it
 */
record Installation(@Nullable Path home) {
  static Installation find(@Nullable Path named, Map<String, String> environment) {
    if (named != null) {
      return new Installation(named.toAbsolutePath().normalize());
    }
    String variable = environment.getOrDefault("LASTMILE_HOME", "");
    return new Installation(
        variable.isEmpty() ? aboveTheClasses() : Path.of(variable).toAbsolutePath());
  }

  private static @Nullable Path aboveTheClasses() {
    CodeSource source = Installation.class.getProtectionDomain().getCodeSource();
    try {
      Path at = source == null ? null : Path.of(source.getLocation().toURI());
      while (at != null && !Files.exists(at.resolve("python/lastmile/__init__.py"))) {
        at = at.getParent();
      }
      return at;
    } catch (URISyntaxException _) {
      return null;
    }
  }

  /** The variables of a rank that make the client importable. */
  Map<String, String> variables(Map<String, String> environment) {
    Map<String, String> variables = new HashMap<>();
    variables.put("PYTHONUNBUFFERED", "1");
    // A rank that is asked for its stacks, or that crashes, writes them.
    variables.put("PYTHONFAULTHANDLER", "1");
    if (home != null) {
      String others = environment.getOrDefault("PYTHONPATH", "");
      String own = home.resolve("python").toString();
      variables.put("LASTMILE_HOME", home.toString());
      variables.put("PYTHONPATH", others.isEmpty() ? own : own + File.pathSeparator + others);
    }
    return variables;
  }
}
