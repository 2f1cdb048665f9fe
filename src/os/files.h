// Small files, folders and locks.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "os/unique_fd.h"

namespace flexai::os {

// The whole file; kResourceExhausted if it is larger than `most` bytes.
Result<std::string> ReadFile(const std::string& path, size_t most = 16 << 20);
// Writes beside the target and renames, so that a reader sees the old file or the whole new one. What is
// there and no regular file (a pipe, a device) is written to.
Status WriteFile(const std::string& path, std::string_view content, mode_t mode = 0644);
// Makes `path` and its parents; success if it is already a folder.
Status MakeFolders(const std::string& path, mode_t mode = 0755);
// MakeFolders, and makes sure that the folder is this user's own, no link, and not writable by others: a
// folder that somebody else prepared under a known name is refused (kPermissionDenied). An existing folder
// gets `mode`.
Status MakeOwnFolder(const std::string& path, mode_t mode);

// Makes `path` (its parent must exist) a folder that belongs to `uid` and `gid` and that nobody else may
// enter. For root; success if it is so already. A link at `path` is refused.
Status MakeFolderFor(const std::string& path, uid_t uid, gid_t gid);

// Opens a file for appending, made if needed; a link at `path` is refused. CLOEXEC.
Result<UniqueFd> OpenForAppend(const std::string& path, mode_t mode = 0644);
// /dev/null, for reading and writing. CLOEXEC.
Result<UniqueFd> OpenNullDevice();

// Whether this process may read and write (in a folder: make files at) `path`.
bool MayReadAndWrite(const std::string& path);

// Names in a folder, sorted, without . and ..
Result<std::vector<std::string>> ListFolder(const std::string& path);
// Removes a folder with everything in it; success if there is none. Follows no links.
Status RemoveFolder(const std::string& path);

// An exclusive flock on `path` (made if needed), held until the fd goes, also by the process's death.
// kAlreadyExists if somebody holds it.
Result<UniqueFd> LockFile(const std::string& path, mode_t mode = 0666);

// Folder of the running program, without a trailing slash.
Result<std::string> ProgramFolder();

}  // namespace flexai::os
