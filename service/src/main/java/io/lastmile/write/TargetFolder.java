package io.lastmile.write;

import io.lastmile.dataset.Source;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.source.ParquetTable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A folder that is there whole or not at all. Its files are written in {@code .lastmile-<12 hex
 * digits>} beside it, which gets its name at the end. A lock on {@code .lastmile-<same>.lock} is
 * held meanwhile: whoever can take the lock knows that the writer is dead, and every writer deletes
 * what dead ones left beside its own folder. One thread at a time.
 */
final class TargetFolder implements AutoCloseable {
  private static final Pattern LOCK = Pattern.compile("(\\.lastmile-[0-9a-f]{12})\\.lock");

  /**
   * The locks this process holds, guarded by itself. A process loses its lock on a file as soon as
   * it closes any descriptor of that file, so it must not try its own.
   */
  private static final Set<Path> OWN = new HashSet<>();

  private final Path target;
  private final Path files;
  private final Path lockFile;
  private final FileChannel lock;

  private TargetFolder(Path target, Path lockFile, FileChannel lock) {
    this.target = target;
    this.lockFile = lockFile;
    this.files = folderOf(lockFile);
    this.lock = lock;
  }

  /**
   * Checks that a folder can be written anew.
   *
   * @throws LastmileException USER when something is there already, or it lies in a folder that was
   *     written so itself: whoever reads that one would read both
   */
  static void check(Path target) {
    for (Path around = target.getParent(); around != null; around = around.getParent()) {
      if (Files.exists(around.resolve(Written.MANIFEST))) {
        throw refused(
            "The folder %s lies in %s, which holds another written dataset (name another with --to)"
                .formatted(target, around));
      }
    }
    if (!Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    if (!Files.isDirectory(target, LinkOption.NOFOLLOW_LINKS)) {
      throw refused("Not a folder: %s (name another with --to)".formatted(target));
    }
    try (Stream<Path> content = Files.list(target)) {
      if (content.findAny().isPresent()) {
        throw refused(
            "The folder %s is not empty (remove it, or name another with --to)".formatted(target));
      }
    } catch (IOException e) {
      throw unwritable(target, e);
    }
  }

  /**
   * Checks that files in a folder would not be read as rows of a source.
   *
   * @param folder of the experiment
   * @throws LastmileException USER when they would
   */
  static void checkOutside(Path target, Source.Files source, Path folder) {
    Path file = target.resolve(PartFiles.name(0));
    if (ParquetTable.wouldRead(source, folder, file)) {
      throw refused(
          "The folder %s lies in a source of the dataset, which would read its files too (name another with --to)"
              .formatted(target));
    }
  }

  private static LastmileException refused(String message) {
    return LastmileException.of(FailureKind.USER, message);
  }

  /**
   * Begins to write, after deleting what dead writers left beside it.
   *
   * @param target absolute, checked
   */
  static TargetFolder begin(Path target) {
    Path parent = parent(target);
    try {
      Files.createDirectories(parent);
      synchronized (OWN) {
        deleteDead(parent);
        TargetFolder begun = null;
        while (begun == null) {
          begun = attempt(target, parent);
        }
        OWN.add(begun.lockFile);
        return begun;
      }
    } catch (IOException e) {
      throw unwritable(target, e);
    }
  }

  private static Path parent(Path target) {
    Path parent = target.getParent();
    if (parent == null) {
      throw refused("Not a folder to write: %s (name another with --to)".formatted(target));
    }
    return parent;
  }

  /** Null when another writer took the lock file for that of a dead one before it was locked. */
  private static @Nullable TargetFolder attempt(Path target, Path parent) throws IOException {
    byte[] id = new byte[6];
    new SecureRandom().nextBytes(id);
    Path lockFile = parent.resolve(".lastmile-" + HexFormat.of().formatHex(id) + ".lock");
    FileChannel channel =
        FileChannel.open(lockFile, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    boolean begun = false;
    try {
      FileLock lock = channel.lock();
      begun = lock.isValid() && Files.exists(lockFile);
      if (begun) {
        Files.createDirectory(folderOf(lockFile));
      }
      return begun ? new TargetFolder(target, lockFile, channel) : null;
    } finally {
      if (!begun) {
        channel.close();
      }
    }
  }

  private static Path folderOf(Path lockFile) {
    Matcher name = LOCK.matcher(String.valueOf(lockFile.getFileName()));
    if (!name.matches()) {
      throw new IllegalArgumentException(lockFile.toString());
    }
    return lockFile.resolveSibling(name.group(1));
  }

  private static void deleteDead(Path parent) throws IOException {
    try (DirectoryStream<Path> siblings = Files.newDirectoryStream(parent, ".lastmile-*.lock")) {
      for (Path sibling : siblings) {
        if (LOCK.matcher(sibling.getFileName().toString()).matches() && !OWN.contains(sibling)) {
          deleteIfDead(sibling);
        }
      }
    }
  }

  /** What cannot be looked at or deleted, such as another user's, is left. */
  private static void deleteIfDead(Path lockFile) {
    try (FileChannel channel =
            FileChannel.open(lockFile, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
        FileLock lock = channel.tryLock()) {
      if (lock != null) {
        delete(folderOf(lockFile));
        Files.deleteIfExists(lockFile);
      }
    } catch (IOException _) {
      // Somebody else's, or gone meanwhile.
    }
  }

  private static void delete(Path folder) throws IOException {
    if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    try (DirectoryStream<Path> content = Files.newDirectoryStream(folder)) {
      for (Path file : content) {
        Files.deleteIfExists(file);
      }
    }
    Files.deleteIfExists(folder);
  }

  /** Where a file is written. */
  Path file(String name) {
    return files.resolve(name);
  }

  /** The folder in the end, absolute. */
  Path target() {
    return target;
  }

  /**
   * Gives the folder its name, when all files are written and on the disk.
   *
   * @throws LastmileException USER when something has come there meanwhile, RESOURCES when it
   *     cannot be done
   */
  void finish() {
    check(target);
    try {
      sync(files);
      Files.move(files, target, StandardCopyOption.ATOMIC_MOVE);
      sync(parent(target));
    } catch (IOException e) {
      throw unwritable(target, e);
    }
  }

  private static void sync(Path folder) throws IOException {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  static LastmileException unwritable(Path path, IOException e) {
    return LastmileException.of(
        FailureKind.RESOURCES, "Cannot write %s: %s".formatted(path, reason(e)), e);
  }

  /** What is wrong, without the names of files that only we know. */
  private static String reason(IOException e) {
    if (e instanceof FileSystemException of && of.getReason() != null) {
      return of.getReason();
    }
    return switch (e) {
      case NoSuchFileException _ -> "no file can be made in its folder";
      case AccessDeniedException _ -> "permission denied";
      default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    };
  }

  /** Deletes what was not finished. Idempotent. */
  @Override
  public void close() {
    synchronized (OWN) {
      if (!OWN.contains(lockFile)) {
        return;
      }
      try (lock) {
        delete(files);
        Files.deleteIfExists(lockFile);
      } catch (IOException e) {
        throw unwritable(files, e);
      } finally {
        OWN.remove(lockFile);
      }
    }
  }
}
