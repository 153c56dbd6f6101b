package io.lastmile.batch;

import io.lastmile.query.Vectors;

/** Packs one form of the query's vectors. Stateless. */
sealed interface FormPacker
    permits MatrixPacker, FixedPacker, PaddedPacker, RaggedPacker, SinglePacker, TextPacker {
  /**
   * Packs rows [first, first + count) of the vectors behind row {@code row - 1}; they fit.
   *
   * @throws InvalidValueException for a value that the tensor cannot hold, a null without fill, or
   *     a list of the wrong length
   */
  void pack(Vectors vectors, int first, int count, PackedRows to, int row);

  /** Values of one row; asked of ragged forms only. */
  default long length(Vectors vectors, int row) {
    return 0;
  }

  /** The packer of a place. */
  static FormPacker of(Layout.Place place) {
    TensorForm form = place.form();
    return switch (form.kind()) {
      case TEXT -> new TextPacker(place);
      case RAGGED -> new RaggedPacker(place);
      case KEYED ->
          form.nesting() == TensorForm.Nesting.FLAT
              ? new SinglePacker(place)
              : new RaggedPacker(place);
      case FIXED -> new FixedPacker(place);
      case PADDED -> new PaddedPacker(place);
      case COLUMN, MATRIX -> new MatrixPacker(place);
    };
  }
}
