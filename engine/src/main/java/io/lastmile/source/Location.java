package io.lastmile.source;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Where a path that the user wrote leads. */
public final class Location {
  private static final Pattern URL = Pattern.compile("([A-Za-z][A-Za-z0-9+.-]*)://.*");

  private Location() {}

  /**
   * Why a path cannot be one of this machine, which is all that can be read; null when it can.
   *
   * @param path as the user wrote it
   * @param folder that relative paths start from
   */
  public static @Nullable String mistake(String path, Path folder) {
    Matcher url = URL.matcher(path);
    if (!url.matches() || Files.exists(folder.resolve(path))) {
      return null;
    }
    String remedy =
        url.group(1).equalsIgnoreCase("file")
            ? "write the path alone, without file://"
            : url.group(1) + ":// is not supported yet: must be a path of this machine";
    return "Invalid path: \"" + path + "\" (" + remedy + ")";
  }
}
