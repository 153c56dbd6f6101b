package io.lastmile.source;

import io.lastmile.dataset.Source;
import io.lastmile.error.LastmileException;
import io.lastmile.error.Nearest;
import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Finds the files that the paths of a source name: files, globs, or folders, of which all files
 * with an ending of the format are meant but those whose name, or whose folder's, starts with '_'
 * or '.'.
 */
final class FileFinder {
  private final Path folder;
  private final String element;
  private final Format format;
  private final Map<Path, FoundFile> files = new LinkedHashMap<>();
  private final List<Path> roots = new ArrayList<>();

  /**
   * A finder for one source.
   *
   * @param folder of the experiment, absolute
   * @param element of the experiment, for errors
   * @param format of the files
   */
  FileFinder(Path folder, String element, Format format) {
    this.folder = folder.toAbsolutePath().normalize();
    this.element = element;
    this.format = format;
  }

  /** The files, in the order they were found. */
  List<FoundFile> files() {
    return List.copyOf(files.values());
  }

  /** The deepest folder that holds the fixed part of every path. */
  Path root() {
    Path root = roots.getFirst();
    for (Path other : roots) {
      while (!other.startsWith(root)) {
        root = Objects.requireNonNull(root.getParent());
      }
    }
    return root;
  }

  /** Adds the files of one path. */
  void find(String path) {
    String mistake = Location.mistake(path, folder);
    if (mistake != null) {
      throw failure(mistake);
    }
    Path exact = folder.resolve(path).normalize();
    try {
      if (Files.isDirectory(exact)) {
        inFolder(path, exact);
      } else if (Files.exists(exact)) {
        roots.add(exact.getParent());
        add(exact, Files.readAttributes(exact, BasicFileAttributes.class));
      } else if (GlobPattern.isGlob(path)) {
        glob(path);
      } else {
        throw missing(path, exact);
      }
    } catch (IOException e) {
      throw failure("Cannot read \"" + path + "\": " + e.getMessage());
    }
  }

  /** Whether a path of the source would find a file, were it there. */
  static boolean wouldFind(Source.Files source, Path folder, Path file) {
    Format format = Format.of(source);
    return source.paths().stream()
        .anyMatch(path -> {
          Path exact = folder.toAbsolutePath().normalize().resolve(path).normalize();
          if (Files.isDirectory(exact) || !GlobPattern.isGlob(path)) {
            return !below(exact, file).isEmpty() && format.names(file.getFileName().toString());
          }
          GlobPattern glob = GlobPattern.of(folder.toAbsolutePath().normalize(), path);
          return below(glob.fixed(), file).stream().anyMatch(glob::matches);
        });
  }

  /** A file as named from a folder that it lies below, also as without links. */
  private static List<Path> below(Path folder, Path file) {
    List<Path> names = new ArrayList<>();
    if (file.startsWith(folder)) {
      names.add(folder.relativize(file));
    }
    if (real(file).startsWith(real(folder))) {
      names.add(real(folder).relativize(real(file)));
    }
    return names;
  }

  /** A path without links, as far as it is there. */
  private static Path real(Path path) {
    for (Path there = path; there != null; there = there.getParent()) {
      try {
        return there.toRealPath().resolve(there.relativize(path));
      } catch (IOException _) {
        // Not there: its parent may be.
      }
    }
    return path;
  }

  private void inFolder(String path, Path in) throws IOException {
    roots.add(in);
    Predicate<Path> isMeant =
        file -> {
          for (Path name : in.relativize(file)) {
            if (name.toString().startsWith("_") || name.toString().startsWith(".")) {
              return false;
            }
          }
          return format.names(file.getFileName().toString());
        };
    if (walk(in, Integer.MAX_VALUE, isMeant) == 0) {
      throw failure(
          "No %s file in \"%s\": no name below %s ends in %s"
              .formatted(format.word(), path, in, format.endings()));
    }
  }

  private void glob(String path) throws IOException {
    GlobPattern glob;
    try {
      glob = GlobPattern.of(folder, path);
    } catch (IllegalArgumentException e) {
      throw failure("Invalid path: \"" + path + "\" (" + e.getMessage() + ")");
    }
    if (!Files.isDirectory(glob.fixed())) {
      throw failure("No file matches \"" + path + "\": there is no folder " + glob.fixed());
    }
    roots.add(glob.fixed());
    if (walk(glob.fixed(), glob.depth(), file -> glob.matches(glob.fixed().relativize(file)))
        == 0) {
      throw failure("No file matches \"" + path + "\" (looked in " + glob.fixed() + ")");
    }
  }

  private int walk(Path from, int depth, Predicate<Path> isMeant) throws IOException {
    int before = files.size();
    Files.walkFileTree(
        from,
        EnumSet.of(FileVisitOption.FOLLOW_LINKS),
        depth,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            if (!attributes.isDirectory() && isMeant.test(file)) {
              add(file, attributes);
            }
            return FileVisitResult.CONTINUE;
          }
        });
    return files.size() - before;
  }

  private void add(Path path, BasicFileAttributes attributes) {
    String shown = path.startsWith(folder) ? folder.relativize(path).toString() : path.toString();
    FoundFile file =
        new FoundFile(path, shown, attributes.size(), attributes.lastModifiedTime().toInstant());
    if (files.putIfAbsent(path, file) != null) {
      throw failure("\"" + shown + "\" is in the source twice");
    }
  }

  private LastmileException missing(String path, Path exact) {
    Path parent = exact.getParent();
    List<String> names = List.of();
    if (parent != null && Files.isDirectory(parent)) {
      try (Stream<Path> entries = Files.list(parent)) {
        names = entries.map(entry -> entry.getFileName().toString()).sorted().toList();
      } catch (IOException e) {
        names = List.of();
      }
    }
    String hint = Nearest.hint(exact.getFileName().toString(), names);
    return failure("No such file: \"" + path + "\"" + hint);
  }

  private LastmileException failure(String message) {
    return LastmileException.user(element, message);
  }
}
