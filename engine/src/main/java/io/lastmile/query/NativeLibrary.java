package io.lastmile.query;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import java.io.IOException;
import java.io.InputStream;
import java.net.JarURLConnection;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Locale;
import java.util.jar.Manifest;

/** DuckDB's native library, copied once from the jar on the class path to the user's cache. */
final class NativeLibrary {
  private NativeLibrary() {}

  /** The library's file for this machine; copies it there when it is not there yet. */
  static Path locate() {
    String resource = resource(System.getProperty("os.name"), System.getProperty("os.arch"));
    URL url = NativeLibrary.class.getClassLoader().getResource(resource);
    if (url == null) {
      throw LastmileException.of(
          FailureKind.RESOURCES,
          "No DuckDB library for this platform: the class path has no \""
              + resource
              + "\" (a duckdb_jdbc jar carries linux amd64 and arm64, macOS arm64, Windows amd64)");
    }
    Path cache = UserCache.folder();
    try {
      return copy(url, cache);
    } catch (IOException e) {
      throw LastmileException.of(
          FailureKind.RESOURCES,
          "Cannot copy the DuckDB library to \""
              + cache
              + "\": "
              + e.getMessage()
              + "; set XDG_CACHE_HOME to a folder that can be written and has 80 MB",
          e);
    }
  }

  /** The name of the library inside the jar. */
  static String resource(String osName, String osArch) {
    String name = osName.toLowerCase(Locale.ROOT);
    String system = name.startsWith("mac") ? "macos" : name.startsWith("win") ? "windows" : name;
    String machine =
        switch (osArch) {
          case "x86_64", "amd64" -> "amd64";
          case "aarch64", "arm64" -> "arm64";
          default -> osArch;
        };
    return "libduckdb_java.so_" + system + "_" + machine;
  }

  /** Copies the library below the cache unless it is there: whole under its final name, or not. */
  static Path copy(URL url, Path cache) throws IOException {
    URLConnection connection = url.openConnection();
    connection.setUseCaches(false);
    long size = connection.getContentLengthLong();
    Path folder = cache.resolve("duckdb-" + version(connection) + "-" + size);
    Path file = folder.resolve("libduckdb.so");
    try (InputStream in = connection.getInputStream()) {
      if (Files.isRegularFile(file) && Files.size(file) == size) {
        return file;
      }
      Files.createDirectories(folder);
      Path part = Files.createTempFile(folder, "libduckdb", ".part");
      try {
        Files.copy(in, part, StandardCopyOption.REPLACE_EXISTING);
        return Files.move(
            part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(part);
      }
    }
  }

  private static String version(URLConnection connection) throws IOException {
    Manifest manifest =
        connection instanceof JarURLConnection jar ? jar.getManifest() : new Manifest();
    String version =
        manifest == null ? null : manifest.getMainAttributes().getValue("Bundle-Version");
    return version == null ? "unknown" : version;
  }
}
