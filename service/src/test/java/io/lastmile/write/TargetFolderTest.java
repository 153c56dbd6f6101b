package io.lastmile.write;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lastmile.query.Engine;
import io.lastmile.query.Session;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TargetFolderTest {
  @TempDir Path parent;

  private List<String> content(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void aFinishedFolderIsAllThatIsLeft() throws IOException {
    try (TargetFolder folder = TargetFolder.begin(parent.resolve("out"))) {
      Files.writeString(folder.file("a"), "1");
      assertThat(content(parent)).hasSize(2).allMatch(name -> name.startsWith(".lastmile-"));
      folder.finish();
    }
    assertThat(content(parent)).containsExactly("out");
    assertThat(content(parent.resolve("out"))).containsExactly("a");
  }

  @Test
  void anUnfinishedOneLeavesNothing() throws IOException {
    try (TargetFolder folder = TargetFolder.begin(parent.resolve("out"))) {
      Files.writeString(folder.file("a"), "1");
    }
    assertThat(content(parent)).isEmpty();
  }

  @Test
  void anEmptyFolderIsReplaced() throws IOException {
    Files.createDirectory(parent.resolve("out"));
    try (TargetFolder folder = TargetFolder.begin(parent.resolve("out"))) {
      Files.writeString(folder.file("a"), "1");
      folder.finish();
    }
    assertThat(content(parent.resolve("out"))).containsExactly("a");
  }

  @Test
  void whatCameMeanwhileIsLeftAsItIs() throws IOException {
    try (TargetFolder folder = TargetFolder.begin(parent.resolve("out"))) {
      Files.createDirectory(parent.resolve("out"));
      Files.writeString(parent.resolve("out/theirs"), "1");
      assertThatThrownBy(folder::finish)
          .hasMessage(
              "The folder %s is not empty (remove it, or name another with --to)"
                  .formatted(parent.resolve("out")));
    }
    assertThat(content(parent)).containsExactly("out");
    assertThat(content(parent.resolve("out"))).containsExactly("theirs");
  }

  @Test
  void whatDeadWritersLeftIsDeletedAndWhatLivingOnesWriteIsNot() throws IOException {
    Path dead = Files.createDirectory(parent.resolve(".lastmile-0123456789ab"));
    Files.writeString(dead.resolve("a"), "1");
    Files.writeString(parent.resolve(".lastmile-0123456789ab.lock"), "");
    Files.writeString(parent.resolve(".lastmile-ba9876543210.lock"), "");
    Files.createDirectory(parent.resolve(".lastmile-mine"));
    try (TargetFolder living = TargetFolder.begin(parent.resolve("one"))) {
      Files.writeString(living.file("a"), "1");
      try (TargetFolder other = TargetFolder.begin(parent.resolve("two"))) {
        assertThat(living.file("a")).exists();
        other.finish();
      }
      living.finish();
    }
    assertThat(content(parent)).containsExactly(".lastmile-mine", "one", "two");
  }

  @Test
  void runsComeInTheirOrderAndFilesRoll() throws IOException {
    try (Engine engine = Engine.open(1 << 28);
        Session session = engine.connect();
        TargetFolder folder = TargetFolder.begin(parent.resolve("out"));
        PartFiles parts = new PartFiles(folder, 40_000)) {
      for (int run : new int[] {3, 1, 0, 4, 2}) {
        Path path = folder.file("run-" + run);
        session.execute(
            "COPY (SELECT hash(range) AS x, range + %d AS id FROM range(2000)) TO '%s' (FORMAT parquet)"
                .formatted(run * 2000, path));
        parts.add(run, path);
      }
      List<PartFiles.Part> files = parts.finish();
      assertThat(files).extracting(PartFiles.Part::rows).containsExactly(4000L, 4000L, 2000L);
      assertThat(files)
          .extracting(PartFiles.Part::name)
          .containsExactly("part-00000.parquet", "part-00001.parquet", "part-00002.parquet");
      assertThat(files.getFirst().bytes()).isEqualTo(Files.size(folder.file("part-00000.parquet")));
      folder.finish();
      assertThat(
              session.rows(
                  "SELECT min(id - file_row_number), max(id - file_row_number) FROM read_parquet('%s/out/*.parquet', file_row_number=true) GROUP BY filename ORDER BY ALL"
                      .formatted(parent)))
          .isEqualTo(List.of(List.of(0L, 0L), List.of(4000L, 4000L), List.of(8000L, 8000L)));
    }
    assertThat(content(parent.resolve("out"))).hasSize(3);
  }
}
