package io.lastmile.write;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Neighbouring rows of the sequence, which are encoded together. Used by one thread at a time. */
final class Run {
  private static final String PLACE = "lastmile_place";

  private final int number;
  private final Map<SplitTable, Piece> pieces = new LinkedHashMap<>();
  private int rows;

  /** Whether rows of a table lie between those of another. */
  private boolean mixed;

  /** A run without rows. */
  Run(int number) {
    this.number = number;
  }

  /** Rows of one table: {@code count} from {@code first} on, until they are found scattered. */
  private static final class Piece {
    private final SplitTable table;
    private final int first;
    private final int firstPlace;
    private int count;

    /** The place in the run of each row of the table, -1 for none; empty: not scattered. */
    private int[] places = {};

    Piece(SplitTable table, int first, int firstPlace) {
      this.table = table;
      this.first = first;
      this.firstPlace = firstPlace;
    }

    boolean goesOn(int row, int place) {
      return places.length == 0 && row == first + count && place == firstPlace + count;
    }

    void scatter() {
      if (places.length == 0) {
        places = new int[table.rows()];
        Arrays.fill(places, -1);
        put(first, count, firstPlace);
      }
    }

    void put(int from, int more, int place) {
      for (int i = 0; i < more; i++) {
        places[table.number(from + i)] = place + i;
      }
    }
  }

  int number() {
    return number;
  }

  int rows() {
    return rows;
  }

  /** How many tables its rows are in. */
  int tables() {
    return pieces.size();
  }

  /** The next rows are these of a split. */
  void add(SplitTable table, int first, int count) {
    Piece piece = pieces.get(table);
    if (piece == null) {
      piece = new Piece(table, first, rows);
      pieces.put(table, piece);
      table.begin();
    }
    if (piece.goesOn(first, rows)) {
      piece.count += count;
    } else {
      mixed = true;
      piece.scatter();
      piece.put(first, count, rows);
    }
    rows += count;
  }

  /** The tables that it was the last to need, by name. */
  List<String> end() {
    return pieces.keySet().stream().filter(SplitTable::end).map(SplitTable::name).toList();
  }

  /** By table, the place of each of its rows; empty where the SQL does not ask. */
  int[][] places() {
    return pieces.values().stream()
        .map(piece -> {
          if (mixed || piece.table.permuted()) {
            piece.scatter();
          }
          return piece.places;
        })
        .toArray(int[][]::new);
  }

  /** SQL of its rows in order. */
  String sql() {
    List<String> selects = new ArrayList<>();
    for (Piece piece : pieces.values()) {
      int table = selects.size();
      selects.add(mixed ? placed(piece, table) : ordered(piece, table));
    }
    String all = String.join("\nUNION ALL\n", selects);
    return mixed
        ? "SELECT %s FROM (\n%s\n) WHERE %s >= 0 ORDER BY %s".formatted(named(), all, PLACE, PLACE)
        : all;
  }

  private String named() {
    return pieces.keySet().iterator().next().columns().named();
  }

  /** Rows of a table with their places. */
  private static String placed(Piece piece, int table) {
    return "SELECT %s, %s(%d, rowid) AS %s FROM %s"
        .formatted(piece.table.columns().places(), PLACE, table, PLACE, piece.table.name());
  }

  /** Rows of a table that lie together, in their order. */
  private static String ordered(Piece piece, int table) {
    String select = "(SELECT " + piece.table.columns().named() + " FROM " + piece.table.name();
    if (!piece.table.permuted()) {
      int end = piece.first + piece.count;
      return "%s WHERE rowid >= %d AND rowid < %d)".formatted(select, piece.first, end);
    }
    String place = "%s(%d, rowid)".formatted(PLACE, table);
    String some = piece.count == piece.table.rows() ? "" : " WHERE " + place + " >= 0";
    return select + some + " ORDER BY " + place + ")";
  }
}
