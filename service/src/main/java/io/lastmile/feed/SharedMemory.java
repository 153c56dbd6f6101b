package io.lastmile.feed;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.lastmile.dataset.ByteSize;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file in shared memory, mapped whole. Its pages are allocated when it is made (posix_fallocate):
 * a file system that is full says so then, and not by SIGBUS when a page is first touched. Any
 * thread.
 */
final class SharedMemory implements AutoCloseable {
  private static final int O_RDWR = 2;
  private static final int O_CREAT = 0100;
  private static final int O_EXCL = 0200;
  private static final int O_CLOEXEC = 02000000;
  private static final int OWNER_ONLY = 0600;

  private static final Linker LINKER = Linker.nativeLinker();
  private static final MethodHandle OPEN =
      function(
          "open",
          FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT),
          Linker.Option.firstVariadicArg(2));
  private static final MethodHandle FALLOCATE =
      function("posix_fallocate", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG));
  private static final MethodHandle CLOSE =
      function("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));

  private final Path path;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment memory;

  /**
   * Makes and maps a file of this many bytes.
   *
   * @throws LastmileException RESOURCES when the file system has no room for it
   */
  SharedMemory(Path path, long bytes) {
    this.path = path;
    try {
      allocate(path, bytes);
      try (FileChannel channel =
          FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        memory = channel.map(FileChannel.MapMode.READ_WRITE, 0, bytes, arena);
      }
    } catch (IOException e) {
      arena.close();
      unlink();
      throw LastmileException.of(
          FailureKind.RESOURCES,
          "Cannot make a slot of %s in shared memory: %s [%s]"
              .formatted(ByteSize.mebibytes(bytes), e.getMessage(), path),
          e);
    }
  }

  MemorySegment memory() {
    return memory;
  }

  Path path() {
    return path;
  }

  /** Takes the name away; who has it mapped keeps the memory. Idempotent. */
  void unlink() {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      throw LastmileException.of(
          FailureKind.RESOURCES, "Cannot delete " + path + ": " + e.getMessage(), e);
    }
  }

  /** Unmaps and deletes it. Idempotent. */
  @Override
  public synchronized void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
    unlink();
  }

  private static void allocate(Path path, long bytes) throws IOException {
    try (Arena local = Arena.ofConfined()) {
      int file =
          (int)
              OPEN.invokeExact(
                  local.allocateFrom(path.toString()),
                  O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
                  OWNER_ONLY);
      if (file < 0) {
        throw new IOException("it cannot be created");
      }
      int error = (int) FALLOCATE.invokeExact(file, 0L, bytes);
      int closed = (int) CLOSE.invokeExact(file);
      if (error != 0 || closed != 0) {
        long room = Files.getFileStore(path).getUsableSpace();
        throw new IOException(
            "error %d of posix_fallocate, %d MiB are free (give it more room, or lower batch or slots)"
                .formatted(error, room >> 20));
      }
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  private static MethodHandle function(
      String name, FunctionDescriptor descriptor, Linker.Option... options) {
    return LINKER.downcallHandle(
        LINKER.defaultLookup().find(name).orElseThrow(), descriptor, options);
  }
}
