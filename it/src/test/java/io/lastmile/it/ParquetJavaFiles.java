package io.lastmile.it;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.apache.parquet.column.ParquetProperties.WriterVersion;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.SimpleGroupFactory;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.LocalOutputFile;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.MessageTypeParser;

/**
 * Writes the same rows with parquet-java in every combination of page version, encoding, codec and
 * row-group size. Started by the pytest suite: {@code ParquetJavaFiles FOLDER ROWS}. File names say
 * the combination: {@code v2-plain-zstd-250.parquet}.
 */
public final class ParquetJavaFiles {
  private static final MessageType SCHEMA =
      MessageTypeParser.parseMessageType(
          """
          message row {
            required int64 uid;
            optional int32 small;
            optional int64 big;
            optional float f;
            optional double d;
            optional boolean flag;
            optional binary name (STRING);
            optional int32 day (DATE);
            optional int64 at (TIMESTAMP(MICROS,true));
            optional group seq (LIST) { repeated group list { optional int64 element; } }
            optional group scores (LIST) { repeated group list { optional float element; } }
          }
          """);
  private static final List<CompressionCodecName> CODECS =
      List.of(
          CompressionCodecName.UNCOMPRESSED,
          CompressionCodecName.SNAPPY,
          CompressionCodecName.ZSTD,
          CompressionCodecName.LZ4_RAW);
  private static final List<String> NAMES = List.of("", "a", "Zürich", "日本語", "x y z");

  private ParquetJavaFiles() {}

  /** Writes all files and prints how many. */
  public static void main(String[] arguments) throws IOException {
    Path folder = Path.of(arguments[0]);
    int rows = Integer.parseInt(arguments[1]);
    int written = 0;
    for (WriterVersion version : WriterVersion.values()) {
      for (String encoding : List.of("dictionary", "plain")) {
        for (CompressionCodecName codec : CODECS) {
          for (int rowGroup : List.of(rows / 4, rows)) {
            write(folder, rows, version, encoding, codec, rowGroup);
            written++;
          }
        }
      }
    }
    System.out.println(written);
  }

  private static void write(
      Path folder,
      int rows,
      WriterVersion version,
      String encoding,
      CompressionCodecName codec,
      int rowGroup)
      throws IOException {
    String page = version == WriterVersion.PARQUET_1_0 ? "v1" : "v2";
    String word =
        switch (codec) {
          case UNCOMPRESSED -> "none";
          case LZ4_RAW -> "lz4";
          default -> codec.name().toLowerCase(Locale.ROOT);
        };
    Path file = folder.resolve(page + "-" + encoding + "-" + word + "-" + rowGroup + ".parquet");
    Files.deleteIfExists(file);
    try (ParquetWriter<Group> writer =
        ExampleParquetWriter.builder(new LocalOutputFile(file))
            .withConf(new PlainParquetConfiguration())
            .withType(SCHEMA)
            .withWriterVersion(version)
            .withDictionaryEncoding(encoding.equals("dictionary"))
            .withCompressionCodec(codec)
            .withRowGroupRowCountLimit(rowGroup)
            .withPageSize(4096)
            .build()) {
      SimpleGroupFactory groups = new SimpleGroupFactory(SCHEMA);
      for (int row = 0; row < rows; row++) {
        writer.write(row(groups.newGroup(), row));
      }
    }
  }

  /** The values of a row: every column is null in some rows, lists are empty in others. */
  private static Group row(Group group, int row) {
    group.add("uid", (long) row);
    if (row % 7 != 0) {
      group.add("small", row % 50 - 25);
    }
    if (row % 11 != 0) {
      group.add("big", row % 13 == 0 ? Long.MAX_VALUE : row * 1_000_003L);
    }
    if (row % 5 != 0) {
      group.add("f", row % 17 == 0 ? Float.NaN : row * 0.25f);
    }
    if (row % 3 != 0) {
      group.add("d", row % 19 == 0 ? Double.NEGATIVE_INFINITY : row / 3.0);
    }
    if (row % 4 != 0) {
      group.add("flag", row % 2 == 0);
    }
    if (row % 6 != 0) {
      group.add("name", NAMES.get(row % NAMES.size()));
    }
    if (row % 8 != 0) {
      group.add("day", row % 400 - 200);
      group.add("at", row * 1_000_000_007L);
    }
    if (row % 9 != 0) {
      Group list = group.addGroup("seq");
      for (int i = 0; i < row % 5; i++) {
        Group element = list.addGroup("list");
        if ((row + i) % 10 != 0) {
          element.add("element", (long) row * i);
        }
      }
    }
    if (row % 10 != 0) {
      Group list = group.addGroup("scores");
      for (int i = 0; i < row % 3; i++) {
        list.addGroup("list").add("element", row + i * 0.5f);
      }
    }
    return group;
  }
}
