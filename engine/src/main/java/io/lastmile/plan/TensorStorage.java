package io.lastmile.plan;

import io.lastmile.batch.Conversion;
import io.lastmile.dataset.DType;
import io.lastmile.dataset.Tensor;
import io.lastmile.error.LastmileException;
import io.lastmile.query.ColumnType;
import java.util.List;

/**
 * Finds the storage of a tensor's columns, or says why there is none.
 *
 * @param tensor that the user said
 * @param element of it
 */
record TensorStorage(Tensor tensor, String element) {
  /** The dtype that all columns have. */
  DType common(String what, List<String> names, List<Storage> storages) {
    DType common = storages.getFirst().dtype();
    for (int i = 1; i < names.size(); i++) {
      DType other = storages.get(i).dtype();
      if (other != common) {
        throw LastmileException.user(
            element + ".columns",
            "Invalid "
                + what
                + ": \""
                + names.getFirst()
                + "\" is "
                + common.word()
                + ", but \""
                + names.get(i)
                + "\" is "
                + other.word()
                + " (give the tensor a dtype)");
      }
    }
    return common;
  }

  /** The unit that all columns have; empty when they differ. */
  static String unit(List<Storage> storages) {
    List<String> units = storages.stream().map(Storage::unit).distinct().toList();
    return units.size() == 1 ? units.getFirst() : "";
  }

  /** The storage of a scalar column. */
  Storage scalar(String name, Binding binding) {
    if (!(binding.type() instanceof ColumnType.Scalar scalar)) {
      throw LastmileException.user(
          element + ".columns",
          "Invalid matrix: \""
              + name
              + "\" is "
              + binding.type().sql()
              + " (a matrix takes scalar columns; give a list column a tensor of its own)");
    }
    if (tensor.hash() != null || tensor.vocabulary() != null) {
      return ids(name, binding, scalar.kind());
    }
    Storage storage = Storage.scalar(binding.sql(), scalar.kind(), tensor.dtype());
    return storage == null ? unsupported(name, binding) : storage;
  }

  private Storage ids(String name, Binding binding, ColumnType.Kind kind) {
    if (kind != ColumnType.Kind.VARCHAR && kind != ColumnType.Kind.BLOB) {
      String key = tensor.hash() == null ? "vocabulary" : "hash";
      throw LastmileException.user(
          element + "." + key,
          "Invalid "
              + key
              + ": \""
              + name
              + "\" is "
              + binding.type().sql()
              + " (must be a string)");
    }
    DType dtype = tensor.dtype() == null ? DType.INT64 : tensor.dtype();
    if (dtype != DType.INT64 && dtype != DType.INT32) {
      throw LastmileException.user(
          element + ".dtype", "Invalid dtype: " + dtype.word() + " (ids are int64 or int32)");
    }
    Tensor.Hash hash = tensor.hash();
    if (dtype == DType.INT32 && hash != null && hash.buckets() > 1L << 31) {
      throw LastmileException.user(
          element + ".dtype", "Invalid dtype: int32 (" + hash.buckets() + " buckets need int64)");
    }
    Double fill = tensor.fill();
    if (hash == null && fill != null && fill < 0 && fill == Conversion.unknown(dtype)) {
      throw LastmileException.user(
          element + ".fill",
          "Invalid fill: " + fill + " (must not be the lowest " + dtype.word() + ")");
    }
    return new Storage(binding.sql(), dtype, "");
  }

  /** The storage of a list column's values; the suffix is {@code []}, or {@code [64]}. */
  Storage list(String name, Binding binding, String suffix) {
    ColumnType type =
        switch (binding.type()) {
          case ColumnType.ListOf list -> list.element();
          case ColumnType.ArrayOf array -> array.element();
          case ColumnType.Scalar _, ColumnType.Other _ -> throw notSupported(name, binding);
        };
    if (!(type instanceof ColumnType.Scalar values)) {
      throw notSupported(name, binding);
    }
    if (tensor.hash() != null || tensor.vocabulary() != null) {
      return ids(name, binding, values.kind());
    }
    Storage storage = Storage.list(binding.sql(), values.kind(), tensor.dtype(), suffix);
    return storage == null ? unsupported(name, binding) : storage;
  }

  private Storage unsupported(String name, Binding binding) {
    ColumnType type = binding.type();
    ColumnType inner =
        switch (type) {
          case ColumnType.ListOf list -> list.element();
          case ColumnType.ArrayOf array -> array.element();
          case ColumnType.Scalar _, ColumnType.Other _ -> type;
        };
    if (inner instanceof ColumnType.Scalar scalar && scalar.kind() == ColumnType.Kind.VARCHAR) {
      throw LastmileException.user(
          element + ".columns",
          "Invalid column: \""
              + name
              + "\" is "
              + type.sql()
              + " (give the tensor a hash or a vocabulary)");
    }
    if (tensor.dtype() == null && Types.numeric(inner)) {
      throw LastmileException.user(
          element + ".columns",
          "Invalid column: \"" + name + "\" is " + type.sql() + " (give the tensor a dtype)");
    }
    throw notSupported(name, binding);
  }

  private LastmileException notSupported(String name, Binding binding) {
    boolean nested =
        binding.type() instanceof ColumnType.ListOf list
            && !(list.element() instanceof ColumnType.Scalar);
    return LastmileException.user(
        element + ".columns",
        "Invalid column: \""
            + name
            + "\" is "
            + binding.type().sql()
            + (nested
                ? " (no tensor can hold it; derive a list of plain values, for lists of lists with"
                    + " flatten)"
                : " (no tensor can hold it; derive one that can)"));
  }
}
