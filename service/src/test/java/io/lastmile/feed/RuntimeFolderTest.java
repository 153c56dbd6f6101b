package io.lastmile.feed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RuntimeFolderTest {
  @TempDir Path shm;

  @Test
  void liesInAFolderOfTheUserAndIsGoneWhenClosed() throws IOException {
    RuntimeFolder folder = RuntimeFolder.open(shm);

    assertThat(folder.path().getParent()).isEqualTo(parent());
    assertThat(folder.path().getFileName().toString()).matches("[0-9a-f]{12}");
    assertThat(folder.socket()).isEqualTo(folder.path().resolve("feed.sock"));
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.path())))
        .isEqualTo("rwx------");

    Files.writeString(folder.path().resolve("ring-0"), "rows");
    folder.close();
    folder.close();
    assertThat(folder.path()).doesNotExist();
  }

  @Test
  void twoOfOneProcessLiveSideBySide() {
    try (RuntimeFolder first = RuntimeFolder.open(shm);
        RuntimeFolder second = RuntimeFolder.open(shm);
        RuntimeFolder third = RuntimeFolder.open(shm)) {
      assertThat(first.path().resolve("lock")).exists();
      assertThat(second.path().resolve("lock")).exists();
      assertThat(third.path().resolve("lock")).exists();
    }
  }

  @Test
  void aProcessThatLivesKeepsItsFolderAndOneThatWasKilledLosesIt() throws Exception {
    Holder holder = Holder.start(shm);
    try {
      Files.createDirectory(holder.path.resolve("more"));
      Files.writeString(holder.path.resolve("more/ring-0"), "rows");
      Holder other = Holder.start(shm);
      RuntimeFolder.open(shm).close();
      assertThat(holder.path.resolve("more/ring-0")).exists();
      assertThat(other.path).exists();
      other.kill();
      RuntimeFolder.open(shm).close();
      assertThat(other.path).doesNotExist();
      assertThat(holder.path.resolve("more/ring-0")).exists();

      holder.kill();
      assertThat(holder.path).exists();
      RuntimeFolder.open(shm).close();
      assertThat(holder.path).doesNotExist();
    } finally {
      holder.kill();
    }
  }

  @Test
  void aLiveFolderOfThisProcessIsSafeFromAnother() throws Exception {
    try (RuntimeFolder mine = RuntimeFolder.open(shm);
        RuntimeFolder second = RuntimeFolder.open(shm)) {
      Holder holder = Holder.start(shm);
      holder.kill();
      assertThat(mine.path()).exists();
      assertThat(second.path()).exists();
    }
  }

  @Test
  void whatIsNotOursStays() throws IOException {
    RuntimeFolder.open(shm).close();
    Path parent = parent();
    Path noLock = Files.createDirectory(parent.resolve("0123456789ab"));
    Path otherName = Files.createDirectory(parent.resolve("notes"));
    Files.writeString(otherName.resolve("lock"), "");
    Path file = Files.writeString(parent.resolve("ffffffffffff"), "a file");
    Path target = Files.createDirectory(shm.resolve("elsewhere"));
    Files.writeString(target.resolve("lock"), "");
    Path link = Files.createSymbolicLink(parent.resolve("eeeeeeeeeeee"), target);

    RuntimeFolder.open(shm).close();

    assertThat(noLock).exists();
    assertThat(otherName.resolve("lock")).exists();
    assertThat(file).exists();
    assertThat(link).exists();
    assertThat(target.resolve("lock")).exists();
  }

  @Test
  void linksInADeadFolderAreDeletedNotFollowed() throws IOException {
    RuntimeFolder.open(shm).close();
    Path parent = parent();
    Path precious = Files.createDirectory(shm.resolve("precious"));
    Files.writeString(precious.resolve("file"), "keep");
    Path dead = Files.createDirectory(parent.resolve("0123456789ab"));
    Files.writeString(dead.resolve("lock"), "");
    Files.createSymbolicLink(dead.resolve("link"), precious);

    RuntimeFolder.open(shm).close();

    assertThat(dead).doesNotExist();
    assertThat(precious.resolve("file")).hasContent("keep");
  }

  @Test
  void aPlaceThatDoesNotExistIsNamed() {
    Path missing = shm.resolve("missing");
    assertThatThrownBy(() -> RuntimeFolder.open(missing))
        .isInstanceOfSatisfying(
            LastmileException.class, e -> assertThat(e.kind()).isEqualTo(FailureKind.USER))
        .hasMessage(
            "Cannot make a folder in %s: %s does not exist (LASTMILE_SHM names another place)"
                .formatted(missing, missing));
  }

  @Test
  void aPathTooLongForASocketIsRefused() throws IOException {
    Path deep = Files.createDirectories(shm.resolve("x".repeat(100)));
    assertThatThrownBy(() -> RuntimeFolder.open(deep))
        .hasMessageContaining("the path of its socket would have")
        .hasMessageContaining("bytes, at most 107 work");
  }

  private Path parent() throws IOException {
    Object uid = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    return shm.toRealPath().resolve("lastmile-" + uid);
  }

  /** Another process that holds a runtime folder until it is killed. */
  private record Holder(Process process, Path path) {
    static Holder start(Path shm) throws IOException {
      Process process =
          new ProcessBuilder(
                  ProcessHandle.current().info().command().orElseThrow(),
                  "-XX:TieredStopAtLevel=1",
                  "-cp",
                  System.getProperty("java.class.path"),
                  RuntimeFolderHolder.class.getName(),
                  shm.toString())
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      BufferedReader lines = process.inputReader(StandardCharsets.UTF_8);
      return new Holder(process, Path.of(lines.readLine()));
    }

    void kill() throws InterruptedException {
      assertThat(process.destroyForcibly().waitFor(10, TimeUnit.SECONDS)).isTrue();
    }
  }
}
