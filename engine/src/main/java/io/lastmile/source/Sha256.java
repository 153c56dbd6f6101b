package io.lastmile.source;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256, cut to 16 bytes, in hexadecimal: a name for contents. */
public final class Sha256 {
  private static final int BYTES = 16;
  private static final int BUFFER = 1 << 16;

  private Sha256() {}

  /** The name of a text, as UTF-8. */
  public static String of(CharSequence text) {
    return hex(algorithm().digest(text.toString().getBytes(StandardCharsets.UTF_8)));
  }

  /** The name of the bytes of a file. */
  public static String ofFile(Path file) throws IOException {
    MessageDigest digest = algorithm();
    byte[] buffer = new byte[BUFFER];
    try (InputStream in = Files.newInputStream(file)) {
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        digest.update(buffer, 0, read);
      }
    }
    return hex(digest.digest());
  }

  private static String hex(byte[] digest) {
    return HexFormat.of().formatHex(digest, 0, BYTES);
  }

  private static MessageDigest algorithm() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
