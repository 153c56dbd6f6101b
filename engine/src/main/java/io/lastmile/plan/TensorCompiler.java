package io.lastmile.plan;

import io.lastmile.batch.Conversion;
import io.lastmile.batch.TensorForm;
import io.lastmile.batch.TensorForm.Cut;
import io.lastmile.batch.TensorForm.Kind;
import io.lastmile.batch.TensorForm.Nesting;
import io.lastmile.batch.TensorForm.Role;
import io.lastmile.dataset.DType;
import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.Tensor;
import io.lastmile.error.LastmileException;
import io.lastmile.error.Mistakes;
import io.lastmile.query.ColumnType;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Turns the tensors and keys of a dataset into forms, and their columns into outputs of the query.
 */
final class TensorCompiler {
  private final Scope scope;
  private final Scope keys;
  private final String dataset;
  private final Vocabularies vocabularies;
  private final Mistakes mistakes;
  private final Outputs outputs = new Outputs();

  /**
   * A compiler of the tensors of one dataset.
   *
   * @param scope its columns, as the tensors see them
   * @param keys its columns, as the keys see them
   * @param dataset its element
   * @param vocabularies of its tensors
   * @param mistakes what becomes of them; tensors and keys with one that is kept have no forms
   */
  TensorCompiler(
      Scope scope, Scope keys, String dataset, Vocabularies vocabularies, Mistakes mistakes) {
    this.mistakes = mistakes;
    this.scope = scope;
    this.keys = keys;
    this.dataset = dataset;
    this.vocabularies = vocabularies;
  }

  Outputs outputs() {
    return outputs;
  }

  /**
   * The forms of the batch, in its order: tensors, keys, the copy number, the row identity.
   *
   * @param copies whether steps copy rows
   * @param numbered whether there is a copy number, which is 0 where no step copies rows
   */
  List<TensorForm> compile(Dataset of, boolean copies, boolean numbered) {
    List<TensorForm> forms = new ArrayList<>();
    for (Tensor tensor : of.tensors()) {
      String element = dataset + ".tensors." + tensor.name();
      forms.addAll(mistakes.orElse(List.of(), () -> forms(tensor, element)));
    }
    for (String key : of.keys()) {
      forms.addAll(mistakes.orElse(List.of(), () -> List.of(key(key, dataset + ".keys"))));
    }
    if (copies) {
      forms.add(TensorForm.column("", Role.COPY, DType.INT64, "", outputs.sql().size()));
    } else if (numbered) {
      int zero = outputs.add("CAST(0 AS BIGINT)", Set.of());
      forms.add(TensorForm.column("", Role.COPY, DType.INT64, "", zero));
    }
    int identity = outputs.sql().size() + (copies ? 1 : 0);
    forms.add(TensorForm.column("", Role.IDENTITY, DType.INT64, "", identity));
    return forms;
  }

  private List<TensorForm> forms(Tensor tensor, String element) {
    if (tensor.layout() == Tensor.Layout.KEYED) {
      return keyed(tensor, element);
    }
    TensorForm values = tensor(tensor, element);
    boolean masksNulls = tensor.whenNull() == Tensor.Nulls.MASK;
    return masksNulls || tensor.pad() ? List.of(values, values.mask(!masksNulls)) : List.of(values);
  }

  private TensorForm tensor(Tensor tensor, String element) {
    return switch (tensor.columns()) {
      case Tensor.Columns.One one -> {
        Binding binding = scope.named(one.name(), element + ".columns");
        yield isList(binding)
            ? list(tensor, one.name(), binding, element)
            : scalars(tensor, List.of(one.name()), Kind.COLUMN, element);
      }
      case Tensor.Columns.Many many ->
          scalars(
              tensor, scope.matching(many.patterns(), element + ".columns"), Kind.MATRIX, element);
    };
  }

  private static boolean isList(Binding binding) {
    return !(binding.type() instanceof ColumnType.Scalar);
  }

  private TensorForm scalars(Tensor tensor, List<String> names, Kind kind, String element) {
    if (tensor.maxLength() != null) {
      throw LastmileException.user(
          element + ".max_length", "Invalid max_length: \"" + names.getFirst() + "\" is no list");
    }
    TensorStorage of = new TensorStorage(tensor, element);
    List<Integer> results = new ArrayList<>();
    List<Storage> storages = new ArrayList<>();
    for (String name : names) {
      Binding binding = scope.named(name, element + ".columns");
      Storage storage = of.scalar(name, binding);
      storages.add(storage);
      results.add(outputs.add(storage.sql(), binding.sources()));
    }
    DType dtype = of.common("matrix", names, storages);
    return new TensorForm(
        tensor.name(),
        Role.TENSOR,
        kind,
        Nesting.FLAT,
        dtype,
        names.size(),
        names,
        results,
        conversion(tensor, dtype, element),
        fill(tensor, dtype, element),
        Cut.NONE,
        0,
        TensorStorage.unit(storages));
  }

  /** The forms of the keys, in their order. */
  private List<TensorForm> keyed(Tensor tensor, String element) {
    List<String> names =
        switch (tensor.columns()) {
          case Tensor.Columns.One one -> List.of(one.name());
          case Tensor.Columns.Many many -> scope.matching(many.patterns(), element + ".columns");
        };
    List<Binding> bindings =
        names.stream().map(name -> asList(scope.named(name, element + ".columns"))).toList();
    if (tensor.maxLength() != null && bindings.stream().noneMatch(TensorCompiler::isList)) {
      throw LastmileException.user(
          element + ".max_length", "Invalid max_length: \"" + names.getFirst() + "\" is no list");
    }
    TensorStorage of = new TensorStorage(tensor, element);
    List<Storage> storages = new ArrayList<>();
    for (int i = 0; i < names.size(); i++) {
      Binding binding = bindings.get(i);
      storages.add(
          isList(binding)
              ? of.list(names.get(i), binding, "[]")
              : of.scalar(names.get(i), binding));
    }
    DType dtype = of.common("keyed tensor", names, storages);
    List<TensorForm> forms = new ArrayList<>();
    for (int i = 0; i < names.size(); i++) {
      Binding binding = bindings.get(i);
      int result = outputs.add(storages.get(i).sql(), binding.sources());
      forms.add(
          key(
              tensor,
              names.get(i),
              result,
              dtype,
              isList(binding),
              TensorStorage.unit(storages),
              element));
    }
    return forms;
  }

  private TensorForm key(
      Tensor tensor,
      String name,
      int result,
      DType dtype,
      boolean list,
      String unit,
      String element) {
    return new TensorForm(
        tensor.name(),
        Role.TENSOR,
        Kind.KEYED,
        list ? Nesting.LIST : Nesting.FLAT,
        dtype,
        1,
        List.of(name),
        List.of(result),
        conversion(tensor, dtype, element),
        fill(tensor, dtype, element),
        list ? cut(tensor) : new Cut(1, Tensor.Truncate.FIRST),
        0,
        unit);
  }

  /** The engine's arrays as its lists; anything else as it is. */
  private static Binding asList(Binding binding) {
    return binding.type() instanceof ColumnType.ArrayOf array
        ? new Binding(
            "CAST((" + binding.sql() + ") AS " + array.element().sql() + "[])",
            new ColumnType.ListOf(array.element()),
            null,
            binding.sources())
        : binding;
  }

  private static Cut cut(Tensor tensor) {
    Integer most = tensor.maxLength();
    return most == null ? Cut.NONE : new Cut(most, tensor.truncate());
  }

  private TensorForm list(Tensor tensor, String name, Binding binding, String element) {
    Integer fixed = binding.fixedLength();
    Nesting nesting = Nesting.LIST;
    String suffix = "[]";
    if (binding.type() instanceof ColumnType.ArrayOf array) {
      fixed = array.length();
      nesting = Nesting.ARRAY;
      suffix = "[" + fixed + "]";
    }
    Storage storage = new TensorStorage(tensor, element).list(name, binding, suffix);
    List<Integer> results = List.of(outputs.add(storage.sql(), binding.sources()));
    DType dtype = storage.dtype();
    boolean words = tensor.hash() != null || tensor.vocabulary() != null;
    if (fixed != null && (tensor.maxLength() != null || words)) {
      String key =
          tensor.maxLength() != null ? "max_length" : tensor.hash() != null ? "hash" : "vocabulary";
      throw LastmileException.user(
          element + "." + key,
          "Invalid " + key + ": \"" + name + "\" is a list of fixed size " + fixed);
    }
    Cut cut = cut(tensor);
    return new TensorForm(
        tensor.name(),
        Role.TENSOR,
        fixed != null ? Kind.FIXED : tensor.pad() ? Kind.PADDED : Kind.RAGGED,
        nesting,
        dtype,
        fixed != null ? fixed : tensor.pad() ? cut.most() : 1,
        List.of(name),
        results,
        conversion(tensor, dtype, element),
        fill(tensor, dtype, element),
        cut,
        TensorForm.bits(dtype, tensor.fill() == null ? 0 : tensor.fill()),
        storage.unit());
  }

  private Conversion conversion(Tensor tensor, DType dtype, String element) {
    Tensor.Hash hash = tensor.hash();
    if (hash != null) {
      return Conversion.hashed(hash, dtype);
    }
    String file = tensor.vocabulary();
    return file == null
        ? Conversion.of(dtype)
        : Conversion.listed(vocabularies.of(file, element + ".vocabulary"), dtype);
  }

  private static @Nullable Long fill(Tensor tensor, DType dtype, String element) {
    Double fill = tensor.fill();
    if (fill == null) {
      return null;
    }
    if (!dtype.holds(fill)) {
      throw LastmileException.user(
          element + ".fill", "Invalid fill: " + fill + " (the tensor is " + dtype.word() + ")");
    }
    return tensor.whenNull() == Tensor.Nulls.ERROR ? null : TensorForm.bits(dtype, fill);
  }

  private TensorForm key(String name, String element) {
    Binding binding = keys.named(name, element);
    boolean text =
        binding.type() instanceof ColumnType.Scalar scalar
            && scalar.kind() == ColumnType.Kind.VARCHAR;
    if (text) {
      return TensorForm.text(name, Role.KEY, name, outputs.add(binding.sql(), binding.sources()));
    }
    Storage storage =
        binding.type() instanceof ColumnType.Scalar scalar
            ? Storage.scalar(binding.sql(), scalar.kind(), null)
            : null;
    if (storage == null) {
      throw LastmileException.user(
          element,
          "Invalid key: \""
              + name
              + "\" is "
              + binding.type().sql()
              + " (must be a number, string, boolean, date or timestamp)");
    }
    int result = outputs.add(storage.sql(), binding.sources());
    return TensorForm.column(name, Role.KEY, storage.dtype(), name, result);
  }
}
