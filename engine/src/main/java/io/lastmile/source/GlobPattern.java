package io.lastmile.source;

import java.nio.file.Path;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * A path with wildcards: {@code *} and {@code ?} within a name, {@code **} for any folders or none,
 * {@code [a-z]} and {@code [!a]} for one character, {@code {a,b}} for one of several.
 *
 * @param fixed the folders before the first wildcard
 * @param regex of the rest, with '/' between names
 * @param depth the most names that the rest can have
 * @param hidden whether files whose name starts with a dot are meant
 */
record GlobPattern(Path fixed, Pattern regex, int depth, boolean hidden) {
  static boolean isGlob(String path) {
    return path.chars().anyMatch(c -> c == '*' || c == '?' || c == '[' || c == '{');
  }

  /**
   * The pattern of a path.
   *
   * @throws IllegalArgumentException when a bracket or brace is not closed
   */
  static GlobPattern of(Path folder, String path) {
    String[] names = path.split("/+");
    int wild = 0;
    while (!isGlob(names[wild])) {
      wild++;
    }
    StringBuilder before = new StringBuilder(path.startsWith("/") ? "/" : "");
    for (int i = 0; i < wild; i++) {
      before.append(names[i]).append('/');
    }
    StringBuilder rest = new StringBuilder();
    boolean deep = false;
    for (int i = wild; i < names.length; i++) {
      rest.append(i > wild ? "/" : "").append(names[i]);
      deep |= names[i].contains("**");
    }
    String name = names[names.length - 1];
    return new GlobPattern(
        folder.resolve(before.toString()).normalize(),
        regex(rest.toString()),
        deep ? Integer.MAX_VALUE : names.length - wild,
        name.startsWith("."));
  }

  /** Whether a file below the fixed folder, named from there, is meant. */
  boolean matches(Path relative) {
    String name = relative.getFileName().toString();
    return (hidden || !name.startsWith(".")) && regex.matcher(relative.toString()).matches();
  }

  private static Pattern regex(String glob) {
    StringBuilder regex = new StringBuilder();
    int braces = 0;
    for (int i = 0; i < glob.length(); i++) {
      char c = glob.charAt(i);
      switch (c) {
        case '*' -> {
          if (glob.startsWith("**/", i)) {
            regex.append("(?:.*/)?");
            i += 2;
          } else if (glob.startsWith("**", i)) {
            regex.append(".*");
            i++;
          } else {
            regex.append("[^/]*");
          }
        }
        case '?' -> regex.append("[^/]");
        case '[' -> {
          int end = glob.indexOf(']', i + 2);
          if (end < 0) {
            throw new IllegalArgumentException("'[' is not closed");
          }
          regex.append(characters(glob.substring(i + 1, end)));
          i = end;
        }
        case '{' -> {
          braces++;
          regex.append("(?:");
        }
        case '}' -> regex.append(braces-- > 0 ? ")" : "\\}");
        case ',' -> regex.append(braces > 0 ? "|" : ",");
        default -> regex.append(Pattern.quote(String.valueOf(c)));
      }
    }
    if (braces > 0) {
      throw new IllegalArgumentException("'{' is not closed");
    }
    return Pattern.compile(regex.toString(), Pattern.DOTALL);
  }

  private static String characters(String set) {
    boolean isNot = set.startsWith("!") || set.startsWith("^");
    String plain = (isNot ? set.substring(1) : set).replaceAll("[\\\\\\[\\]&^]", "\\\\$0");
    String regex = (isNot ? "[^/" : "[") + plain + "]";
    try {
      return Pattern.compile(regex).pattern();
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException("[" + set + "] is no set of characters", e);
    }
  }
}
