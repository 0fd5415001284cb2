/* attr.h - the few compiler extensions that the rest of the tree uses by name. */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(position, first) __attribute__((format(printf, position, first)))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
