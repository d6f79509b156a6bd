/* Opens a model's library as the file that is there now.
 *
 * dlopen takes a name that it has seen before for what it loaded then, although another file may be
 * there: a model that was compiled anew while the earlier one is still loaded, or another folder's
 * "./model.so". Only names that it does not know it compares as files (device and inode). While a
 * library is loaded its inode stays its own. So a name that is in use is spelled in another way for
 * each file, with the same meaning. */
#include "runtime/internal.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One or two characters that mean the same in a path for each bit. */
static char *spell(char *end, uint64_t number) {
  for (int bit = 63; bit >= 0; --bit)
    end = stpcpy(end, number >> bit & 1 ? "./" : "/");
  return end;
}

static tenon_status no_memory(const char *path) {
  return tn_fail(TENON_OUT_OF_MEMORY, "%s: no memory for its name", path);
}

/* The path with its folder spelled so that the name tells which file it is. */
static tenon_status spell_path(const char *path, const char *name, char **spelled) {
  struct stat file;
  if (stat(name, &file) != 0)
    return tn_fail(TENON_FILE_ERROR, "%s: %s", path, strerror(errno));
  *spelled = malloc(strlen(name) + 2 * 2 * 64 + 1);
  if (!*spelled)
    return no_memory(path);
  size_t folder = (size_t)(strrchr(name, '/') + 1 - name);
  char *end = (char *)memcpy(*spelled, name, folder) + folder;
  end = spell(end, (uint64_t)file.st_dev);
  end = spell(end, (uint64_t)file.st_ino);
  strcpy(end, name + folder);
  return TENON_OK;
}

tenon_status tn_open_library(const char *path, void **library) {
  // Without a slash dlopen would search the system's folders instead of the current one.
  char *name = malloc(strlen(path) + 3);
  if (!name)
    return no_memory(path);
  strcpy(stpcpy(name, strchr(path, '/') ? "" : "./"), path);
  tenon_status status = TENON_OK;
  char *spelled = NULL;
  void *known = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  if (known)
    status = spell_path(path, name, &spelled);
  if (!status) {
    *library = dlopen(spelled ? spelled : name, RTLD_NOW | RTLD_LOCAL);
    if (!*library)
      status = tn_fail(TENON_INVALID_MODEL, "cannot load the model: %s", dlerror());
  }
  if (known)
    dlclose(known);
  free(spelled);
  free(name);
  return status;
}
