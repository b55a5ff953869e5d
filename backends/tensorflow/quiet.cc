// Loads the package's addon, and TensorFlow with it, while nothing reaches stderr: TensorFlow tells of its own build
// there before any of its settings is read. The addon lies beside this one and registers itself in its place.
#include <dlfcn.h>
#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>

namespace {

constexpr int kStderr = 2;

// A graphics driver that is there already brings another version of LLVM, whose functions TensorFlow would call.
#ifdef RTLD_DEEPBIND
constexpr int kOwnSymbolsFirst = RTLD_DEEPBIND;
#else
constexpr int kOwnSymbolsFirst = 0;
#endif

// Until it goes out of scope.
class Silence {
 public:
  Silence() : kept_(dup(kStderr)) {
    const int nowhere = open("/dev/null", O_WRONLY);
    if (nowhere < 0) return;
    dup2(nowhere, kStderr);
    close(nowhere);
  }
  ~Silence() {
    if (kept_ < 0) return;
    dup2(kept_, kStderr);
    close(kept_);
  }

 private:
  const int kept_;
};

std::string Beside(const char* name) {
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(&Beside), &info) == 0) return name;
  const std::string path = info.dli_fname;
  return path.substr(0, path.rfind('/') + 1) + name;
}

}  // namespace

extern "C" NAPI_MODULE_EXPORT int32_t node_api_module_get_api_version_v1() { return 8; }

extern "C" NAPI_MODULE_EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  // Errors are thrown; what the person set stays. At 0 TensorFlow's own lines are shown: they name a card's missing libraries.
  setenv("TF_CPP_MIN_LOG_LEVEL", "2", 0);
  const bool loud = std::string(getenv("TF_CPP_MIN_LOG_LEVEL")) == "0";
  using Register = napi_value (*)(napi_env, napi_value);
  std::optional<Silence> silence;
  if (!loud) silence.emplace();
  void* addon = dlopen(Beside("tfjs_binding.node").c_str(), RTLD_NOW | RTLD_LOCAL | kOwnSymbolsFirst);
  void* found = addon == nullptr ? nullptr : dlsym(addon, "napi_register_module_v1");
  if (found == nullptr) {
    // As data: errors that are thrown while a module registers may be dropped.
    const char* reason = dlerror();
    napi_value text = nullptr;
    napi_create_string_utf8(env, reason == nullptr ? "the addon has no entry" : reason, NAPI_AUTO_LENGTH, &text);
    napi_set_named_property(env, exports, "failure", text);
    return exports;
  }
  return reinterpret_cast<Register>(found)(env, exports);
}
