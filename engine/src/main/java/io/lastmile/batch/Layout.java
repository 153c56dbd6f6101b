package io.lastmile.batch;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Where each form lies inside one stretch of memory: a slot, or a buffer of rows that wait for
 * their turn.
 *
 * <p>Header, the lengths of the ragged forms, room for the position, then the forms; each begins on
 * a multiple of 64 bytes.
 */
public final class Layout {
  /** Room for a position's JSON in bytes, beside its counts. */
  private static final int POSITION_ROOM = 4096;

  /** Room for a count in JSON, and how much a letter of its name may take there. */
  private static final int COUNT_ROOM = 32;

  private static final int LETTER_ROOM = 6;

  private static final int HEADER = 64;

  /**
   * Where a form lies.
   *
   * @param form what lies there
   * @param offset of the values, in bytes
   * @param offsets of the int64 row offsets, in bytes; -1 unless ragged
   * @param length index of the form among the ragged ones; -1 unless ragged
   * @param capacity values that fit
   */
  public record Place(TensorForm form, long offset, long offsets, int length, long capacity) {}

  /**
   * The keys of a tensor.
   *
   * @param places of the keys, in order, their values one after the other
   * @param lengths offset of the int32 lengths, in bytes: those of the rows of the first key, then
   *     of the second
   */
  public record Group(List<Place> places, long lengths) {
    public Group {
      places = List.copyOf(places);
    }
  }

  private final int rows;
  private final int counts;
  private final List<String> named;
  private final List<Place> places;
  private final List<Group> groups;
  private final int ragged;
  private final long position;
  private final long bytes;

  private Layout(int rows, int counts, List<String> named, Drawing drawing, long position) {
    this.rows = rows;
    this.counts = counts;
    this.named = named;
    this.places = List.copyOf(drawing.places);
    this.groups = List.copyOf(drawing.groups);
    this.ragged = drawing.ragged;
    this.position = position;
    this.bytes = (drawing.at + 4095) & ~4095L;
  }

  /** Lays out forms for a number of rows that have no position. */
  public static Layout of(List<TensorForm> forms, int rows, long[] capacities) {
    return of(forms, rows, capacities, 0, List.of());
  }

  /**
   * Lays out forms for a number of rows.
   *
   * @param forms in the order of the batch
   * @param rows that fit
   * @param capacities values that fit, for each ragged form in order
   * @param counts that a position has beside those of unknown words
   * @param named names of counts that it has besides, each with its name
   */
  public static Layout of(
      List<TensorForm> forms, int rows, long[] capacities, int counts, List<String> named) {
    long position = align(HEADER + 8L * capacities.length);
    int room = positionRoom(forms, counts, named);
    Drawing drawing = new Drawing(rows, capacities, align(position + room));
    int from = 0;
    while (from < forms.size()) {
      int end = from + 1;
      while (sameGroup(forms.get(from), end < forms.size() ? forms.get(end) : null)) {
        end++;
      }
      drawing.add(forms.subList(from, end));
      from = end;
    }
    return new Layout(rows, counts, List.copyOf(named), drawing, position);
  }

  private static int positionRoom(List<TensorForm> forms, int counts, List<String> named) {
    return POSITION_ROOM
        + COUNT_ROOM * counts
        + Stream.concat(
                forms.stream().filter(TensorForm::listed).map(TensorForm::name), named.stream())
            .mapToInt(name -> COUNT_ROOM + LETTER_ROOM * name.length())
            .sum();
  }

  private static boolean sameGroup(TensorForm form, @Nullable TensorForm next) {
    return next != null
        && form.kind() == TensorForm.Kind.KEYED
        && next.kind() == TensorForm.Kind.KEYED
        && form.name().equals(next.name());
  }

  /** A layout while it is drawn, from the front to the back. */
  private static final class Drawing {
    private final int rows;
    private final long[] capacities;
    private final List<Place> places = new ArrayList<>();
    private final List<Group> groups = new ArrayList<>();
    private int ragged;
    private long at;

    Drawing(int rows, long[] capacities, long at) {
      this.rows = rows;
      this.capacities = capacities;
      this.at = at;
    }

    /** Adds one form, or all keys of a tensor. */
    void add(List<TensorForm> forms) {
      TensorForm first = forms.getFirst();
      if (!first.ragged()) {
        places.add(new Place(first, take(first.rowBytes(), rows), -1, -1, fixed(first)));
        return;
      }
      boolean keyed = first.kind() == TensorForm.Kind.KEYED;
      long lengths = keyed ? take(Integer.BYTES, (long) forms.size() * rows) : -1;
      long offsets = at;
      for (int i = 0; i < forms.size(); i++) {
        take(Long.BYTES, rows + 1L);
      }
      long step = (at - offsets) / forms.size();
      List<Place> drawn = new ArrayList<>();
      for (int i = 0; i < forms.size(); i++) {
        long capacity = capacities[ragged];
        long values = take(first.dtype().bytes(), capacity);
        drawn.add(new Place(forms.get(i), values, offsets + i * step, ragged, capacity));
        ragged++;
      }
      places.addAll(drawn);
      if (keyed) {
        groups.add(new Group(drawn, lengths));
      }
    }

    private long fixed(TensorForm form) {
      return (long) rows * form.width();
    }

    /** The offset of so many things of so many bytes. */
    private long take(int bytes, long count) {
      long offset = at;
      at = align(at + bytes * count);
      return offset;
    }
  }

  /** The same forms with other capacities. */
  public Layout resized(int newRows, long[] capacities) {
    return of(places.stream().map(Place::form).toList(), newRows, capacities, counts, named);
  }

  private static long align(long at) {
    return (at + 63) & ~63L;
  }

  /** Rows that fit. */
  public int rows() {
    return rows;
  }

  /** The places in the order of the batch. */
  public List<Place> places() {
    return places;
  }

  /** The tensors with keys. */
  public List<Group> groups() {
    return groups;
  }

  /** How many forms are ragged. */
  public int ragged() {
    return ragged;
  }

  /** Offset of the position's JSON in bytes. */
  public long position() {
    return position;
  }

  /** Room for the position's JSON in bytes. */
  public int positionRoom() {
    return positionRoom(places.stream().map(Place::form).toList(), counts, named);
  }

  /** Bytes in all, a multiple of 4096. */
  public long bytes() {
    return bytes;
  }

  /** Values that fit, for each ragged form in order. */
  public long[] capacities() {
    return places.stream()
        .filter(place -> place.length() >= 0)
        .mapToLong(Place::capacity)
        .toArray();
  }

  /** Offset of the int64 lengths of the ragged forms in bytes. */
  public long lengths() {
    return HEADER;
  }

  /** The layout as the client reads it; the row identity and copy number are left out. */
  public Map<String, Object> description() {
    Map<String, Object> layout = new LinkedHashMap<>();
    layout.put("rows", (long) rows);
    layout.put("bytes", bytes);
    layout.put("lengths", lengths());
    layout.put("position", position);
    layout.put("position_room", (long) positionRoom());
    layout.put("tensors", descriptions());
    return layout;
  }

  private List<Map<String, Object>> descriptions() {
    List<Map<String, Object>> tensors = new ArrayList<>();
    for (Place place : places) {
      groups.stream()
          .filter(group -> group.places().getFirst().equals(place))
          .forEach(group -> tensors.add(description(group)));
      switch (place.form().role()) {
        case TENSOR, KEY -> {
          if (place.form().kind() != TensorForm.Kind.KEYED) {
            tensors.add(description(place));
          }
        }
        case MASK -> tensors.getLast().put("mask", place.offset());
        case COPY, IDENTITY -> {}
      }
    }
    return tensors;
  }

  private static Map<String, Object> description(Group group) {
    Map<String, Object> tensor = description(group.places().getFirst());
    tensor.put("offsets", -1L);
    tensor.put("lengths", group.lengths());
    tensor.put(
        "columns",
        group.places().stream().flatMap(place -> place.form().columns().stream()).toList());
    return tensor;
  }

  private static Map<String, Object> description(Place place) {
    TensorForm form = place.form();
    Map<String, Object> tensor = new LinkedHashMap<>();
    tensor.put("name", form.name());
    tensor.put("role", form.role() == TensorForm.Role.KEY ? "key" : "tensor");
    tensor.put("kind", form.kind().name().toLowerCase(java.util.Locale.ROOT));
    tensor.put("dtype", form.dtype().numpy());
    tensor.put("width", (long) form.width());
    tensor.put("offset", place.offset());
    tensor.put("offsets", place.offsets());
    tensor.put("length", (long) place.length());
    tensor.put("capacity", place.capacity());
    tensor.put("mask", -1L);
    tensor.put("lengths", -1L);
    tensor.put("columns", form.columns());
    return tensor;
  }
}
