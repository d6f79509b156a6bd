// The order of elements that is total, as sorting needs it.

#ifndef TENON_LIB_TARGET_KERNELLIBRARY_ORDER_H
#define TENON_LIB_TARGET_KERNELLIBRARY_ORDER_H

/// Whether a > b. NaN counts as larger than any number, and as equal to itself.
template <typename T> bool isLarger(T a, T b) { return a > b || (a != a && b == b); }

#endif
