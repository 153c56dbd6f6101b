package io.lastmile.batch;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Where each form lies inside one stretch of memory: a slot, or a buffer of rows that wait for
 * their turn.
 *
 * <p>Header, the lengths of the ragged forms, room for the position, then the forms; each begins on
 * a multiple of 64 bytes.
 */
public final class Layout {
  /** Room for a position's JSON in bytes. */
  public static final int POSITION_ROOM = 4096;

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

  private final int rows;
  private final List<Place> places;
  private final int ragged;
  private final long position;
  private final long bytes;

  private Layout(int rows, List<Place> places, int ragged, long position, long bytes) {
    this.rows = rows;
    this.places = List.copyOf(places);
    this.ragged = ragged;
    this.position = position;
    this.bytes = bytes;
  }

  /**
   * Lays out forms for a number of rows.
   *
   * @param forms in the order of the batch
   * @param rows that fit
   * @param capacities values that fit, for each ragged form in order
   */
  public static Layout of(List<TensorForm> forms, int rows, long[] capacities) {
    long position = align(HEADER + 8L * capacities.length);
    long at = align(position + POSITION_ROOM);
    List<Place> places = new ArrayList<>();
    int ragged = 0;
    for (TensorForm form : forms) {
      if (form.ragged()) {
        long offsets = at;
        long values = align(offsets + 8L * (rows + 1));
        places.add(new Place(form, values, offsets, ragged, capacities[ragged]));
        at = align(values + capacities[ragged] * form.dtype().bytes());
        ragged++;
      } else {
        places.add(new Place(form, at, -1, -1, (long) rows * form.width()));
        at = align(at + (long) rows * form.rowBytes());
      }
    }
    return new Layout(rows, places, ragged, position, (at + 4095) & ~4095L);
  }

  /** The same forms with other capacities. */
  public Layout resized(int newRows, long[] capacities) {
    return of(places.stream().map(Place::form).toList(), newRows, capacities);
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

  /** How many forms are ragged. */
  public int ragged() {
    return ragged;
  }

  /** Offset of the position's JSON in bytes. */
  public long position() {
    return position;
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

  /** The layout as the client reads it; the row identity is left out. */
  public Map<String, Object> description() {
    Map<String, Object> layout = new LinkedHashMap<>();
    layout.put("rows", (long) rows);
    layout.put("bytes", bytes);
    layout.put("lengths", lengths());
    layout.put("position", position);
    layout.put("position_room", (long) POSITION_ROOM);
    layout.put("tensors", descriptions());
    return layout;
  }

  private List<Map<String, Object>> descriptions() {
    List<Map<String, Object>> tensors = new ArrayList<>();
    for (Place place : places) {
      switch (place.form().role()) {
        case TENSOR, KEY -> tensors.add(description(place));
        case MASK -> tensors.getLast().put("mask", place.offset());
        case IDENTITY -> {}
      }
    }
    return tensors;
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
    tensor.put("columns", form.columns());
    return tensor;
  }
}
