package io.lastmile.query;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NativeLibraryTest {
  @ParameterizedTest
  @CsvSource({
    "Linux, amd64, libduckdb_java.so_linux_amd64",
    "Linux, aarch64, libduckdb_java.so_linux_arm64",
    "Mac OS X, aarch64, libduckdb_java.so_macos_arm64",
    "Windows 11, amd64, libduckdb_java.so_windows_amd64",
    "AIX, ppc64, libduckdb_java.so_aix_ppc64"
  })
  void isNamedByThePlatform(String os, String arch, String resource) {
    assertThat(NativeLibrary.resource(os, arch)).isEqualTo(resource);
  }

  @Test
  void liesInTheCacheOfTheUser() {
    assertThat(UserCache.folder("/cache", "/home/u")).isEqualTo(Path.of("/cache/lastmile"));
    assertThat(UserCache.folder(null, "/home/u")).isEqualTo(Path.of("/home/u/.cache/lastmile"));
    assertThat(UserCache.folder("", "/home/u")).isEqualTo(Path.of("/home/u/.cache/lastmile"));
  }

  @Test
  void isCopiedOnceUnderItsVersionAndSize(@TempDir Path folder) throws IOException {
    String resource =
        NativeLibrary.resource(System.getProperty("os.name"), System.getProperty("os.arch"));
    URL url = Objects.requireNonNull(Engine.class.getClassLoader().getResource(resource));
    Path file = NativeLibrary.copy(url, folder);
    assertThat(folder.relativize(file).toString())
        .matches("duckdb-2\\.0\\.0\\.1-\\d+/libduckdb\\.so");
    Path parent = Objects.requireNonNull(file.getParent());
    assertThat(parent.toString()).endsWith("-" + Files.size(file));
    Object key = Files.getLastModifiedTime(file);
    assertThat(NativeLibrary.copy(url, folder)).isEqualTo(file);
    assertThat(Files.getLastModifiedTime(file)).isEqualTo(key);

    Files.writeString(file, "cut short");
    assertThat(Files.size(NativeLibrary.copy(url, folder))).isGreaterThan(1_000_000);
    try (Stream<Path> files = Files.list(parent)) {
      assertThat(files).containsExactly(file);
    }
  }
}
