/** What a certificate says of an epoch, and whether the source still gives the same. */
@NullMarked
package io.lastmile.certify;

import org.jspecify.annotations.NullMarked;
