/* processor.h - which processor this is, as its maker and the kernel call it. */
#ifndef BASE_PROCESSOR_H
#define BASE_PROCESSOR_H

enum { PROCESSOR_NAME = 160 };

/* Such as "AMD EPYC 26 2" (name, family, model) or "0x41 0xd0b" (implementer, part); "unknown" where nothing says it. */
void processor_name(char name[PROCESSOR_NAME]);

#endif
