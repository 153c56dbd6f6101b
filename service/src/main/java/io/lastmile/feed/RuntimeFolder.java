package io.lastmile.feed;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The folder of this process in shared memory: {@code ${LASTMILE_SHM:-/dev/shm}/lastmile-<uid>/<12
 * hex digits>/}, mode 0700, with the feed's socket and slots. A lock on its file {@code lock} is
 * held as long as the process lives, so whoever can take the lock of a folder knows that its
 * process is dead.
 *
 * <p>Opening one deletes the folders of dead processes first. Whoever opens holds {@code
 * lastmile-<uid>/start.lock} meanwhile: nobody sees a folder between its creation and its lock.
 */
public final class RuntimeFolder implements AutoCloseable {
  /** Longest path of a unix socket, in bytes. */
  private static final int SOCKET_PATH_LIMIT = 107;

  private static final String LOCK = "lock";
  private static final Pattern ID = Pattern.compile("[0-9a-f]{12}");
  private static final FileAttribute<?> OWNER_ONLY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  /**
   * The folders this process holds, guarded by itself. A process loses its lock on a file as soon
   * as it closes any descriptor of that file, so it must not try its own.
   */
  private static final Set<Path> OWN = new HashSet<>();

  private final Path path;
  private final FileChannel lock;

  private RuntimeFolder(Path path, FileChannel lock) {
    this.path = path;
    this.lock = lock;
  }

  /**
   * Makes the folder of this process below {@code $LASTMILE_SHM}, default {@code /dev/shm}, after
   * deleting those of dead processes, there and where {@link TemporaryFolder} makes them.
   *
   * @throws LastmileException USER when the folder cannot be made there
   */
  public static RuntimeFolder open() {
    sweep(temporary());
    return open(place("LASTMILE_SHM", "/dev/shm"));
  }

  /** As {@link #open()}, below another folder, which must exist, and only there. */
  public static RuntimeFolder open(Path sharedMemory) {
    return open(sharedMemory, "LASTMILE_SHM");
  }

  /** Where folders on disk are made. */
  static Path temporary() {
    return place("TMPDIR", "/tmp");
  }

  private static Path place(String variable, String otherwise) {
    String base = System.getenv(variable);
    return Path.of(base == null || base.isEmpty() ? otherwise : base);
  }

  /** As {@link #open(Path)}, with the variable that names another place. */
  static RuntimeFolder open(Path base, String variable) {
    synchronized (OWN) {
      try {
        return openLocked(base);
      } catch (IOException e) {
        throw LastmileException.of(
            FailureKind.USER,
            "Cannot make a folder in %s: %s (%s names another place)"
                .formatted(base, reason(e), variable),
            e);
      }
    }
  }

  private static RuntimeFolder openLocked(Path sharedMemory) throws IOException {
    Object uid = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    Path parent = parent(sharedMemory.toRealPath().resolve("lastmile-" + uid), uid);
    try (FileChannel start =
        FileChannel.open(
            parent.resolve("start.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      FileLock starting = start.lock();
      try {
        deleteDead(parent);
        return create(parent);
      } finally {
        starting.release();
      }
    }
  }

  /** Deletes the folders of dead processes where there are any; what fails is left to the next. */
  private static void sweep(Path base) {
    synchronized (OWN) {
      try {
        Object uid = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
        Path parent = base.toRealPath().resolve("lastmile-" + uid);
        if (Files.isDirectory(parent, LinkOption.NOFOLLOW_LINKS)) {
          sweepLocked(parent(parent, uid));
        }
      } catch (IOException _) {
        // A job whose tables are all Parquet needs no such place.
      }
    }
  }

  private static void sweepLocked(Path parent) throws IOException {
    try (FileChannel start =
            FileChannel.open(
                parent.resolve("start.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock _ = start.lock()) {
      deleteDead(parent);
    }
  }

  private static Path parent(Path parent, Object uid) throws IOException {
    if (!Files.isDirectory(parent, LinkOption.NOFOLLOW_LINKS)) {
      Files.createDirectory(parent, OWNER_ONLY);
    }
    if (!uid.equals(Files.getAttribute(parent, "unix:uid", LinkOption.NOFOLLOW_LINKS))) {
      throw new IOException(parent + " belongs to another user");
    }
    return parent;
  }

  private static RuntimeFolder create(Path parent) throws IOException {
    byte[] id = new byte[6];
    new SecureRandom().nextBytes(id);
    Path path = parent.resolve(HexFormat.of().formatHex(id));
    RuntimeFolder created = null;
    checkSocketPath(path);
    Files.createDirectory(path, OWNER_ONLY);
    try {
      created = new RuntimeFolder(path, locked(path));
      OWN.add(path);
      return created;
    } finally {
      if (created == null) {
        deleteFolder(path);
      }
    }
  }

  private static FileChannel locked(Path path) throws IOException {
    FileChannel channel =
        FileChannel.open(
            path.resolve(LOCK), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    FileLock lock = channel.lock();
    if (!lock.isValid()) {
      throw new IOException("No lock on " + path.resolve(LOCK));
    }
    return channel;
  }

  private static void checkSocketPath(Path path) throws IOException {
    int length = path.resolve("feed.sock").toString().getBytes(StandardCharsets.UTF_8).length;
    if (length > SOCKET_PATH_LIMIT) {
      throw new IOException(
          "the path of its socket would have %d bytes, at most %d work"
              .formatted(length, SOCKET_PATH_LIMIT));
    }
  }

  /** Deletes the folders whose lock nobody holds; what has no lock file is not ours to touch. */
  private static void deleteDead(Path parent) throws IOException {
    try (DirectoryStream<Path> siblings = Files.newDirectoryStream(parent)) {
      for (Path sibling : siblings) {
        if (ID.matcher(sibling.getFileName().toString()).matches()
            && Files.isDirectory(sibling, LinkOption.NOFOLLOW_LINKS)
            && !OWN.contains(sibling)) {
          deleteIfDead(sibling);
        }
      }
    }
  }

  private static void deleteIfDead(Path sibling) throws IOException {
    try (FileChannel channel =
        FileChannel.open(
            sibling.resolve(LOCK), StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS)) {
      FileLock lock = channel.tryLock();
      if (lock != null) {
        deleteFolder(sibling);
      }
    } catch (NoSuchFileException _) {
      // Without a lock file nothing says that the folder was ours.
    }
  }

  /** The lock file goes last: whoever is stopped in between leaves a folder that can be told. */
  private static void deleteFolder(Path folder) throws IOException {
    Path lock = folder.resolve(LOCK);
    Files.walkFileTree(
        folder,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            if (!file.equals(lock)) {
              Files.deleteIfExists(file);
            }
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException failed)
              throws IOException {
            if (failed != null) {
              throw failed;
            }
            if (directory.equals(folder)) {
              Files.deleteIfExists(lock);
            }
            Files.deleteIfExists(directory);
            return FileVisitResult.CONTINUE;
          }
        });
  }

  private static String reason(IOException e) {
    String message = e.getMessage();
    return switch (e) {
      case NoSuchFileException missing -> "%s does not exist".formatted(missing.getFile());
      default -> message == null ? e.getClass().getSimpleName() : message;
    };
  }

  /** The folder itself, absolute. */
  public Path path() {
    return path;
  }

  /** Where the feed's socket goes. */
  public Path socket() {
    return path.resolve("feed.sock");
  }

  /** Deletes the folder with all that is in it, then gives the lock back. Idempotent. */
  @Override
  public void close() {
    synchronized (OWN) {
      if (!OWN.contains(path)) {
        return;
      }
      try (lock) {
        deleteFolder(path);
      } catch (IOException e) {
        throw LastmileException.of(
            FailureKind.RESOURCES, "Cannot delete %s: %s".formatted(path, reason(e)), e);
      } finally {
        OWN.remove(path);
      }
    }
  }
}
