/*
 * What the unwinder of a gcc that was built on glibc asks glibc for, on musl: which loaded
 * object has an address, and where its table of frames lies; and a function whose presence
 * tells it that there may be threads.
 */
#include <link.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/* As in glibc's <dlfcn.h>, for x86-64. */
struct dl_find_object {
  unsigned long long flags;
  void *begin;
  void *end;
  void *link_map;
  void *eh_frame;
  unsigned long long reserved[7];
};

struct search {
  uintptr_t address;
  struct dl_find_object *result;
};

static int look(struct dl_phdr_info *object, size_t size, void *data) {
  (void)size;
  const struct search *search = data;
  struct dl_find_object found = {0};
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
    const uintptr_t begin = object->dlpi_addr + segment->p_vaddr;
    const uintptr_t end = begin + segment->p_memsz;
    if (segment->p_type == PT_GNU_EH_FRAME) found.eh_frame = (void *)begin;
    if (segment->p_type == PT_LOAD && search->address >= begin && search->address < end) {
      found.begin = (void *)begin;
      found.end = (void *)end;
    }
  }
  if (found.begin == NULL || found.eh_frame == NULL) return 0;
  *search->result = found;
  return 1;
}

int _dl_find_object(void *address, struct dl_find_object *result) {
  struct search search = {(uintptr_t)address, result};
  return dl_iterate_phdr(look, &search) == 1 ? 0 : -1;
}

int __pthread_key_create(pthread_key_t *key, void (*destructor)(void *)) {
  return pthread_key_create(key, destructor);
}
