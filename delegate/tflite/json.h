// Writes JSON: as much of it as reports need.
#pragma once

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

namespace tfsparse {

class Json {
 public:
  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array(const char* key) {
    name(key);
    fresh_ = true;
    open('[');
  }
  void end_array() { close(']'); }

  void field(const char* key, const std::string& value) {
    name(key);
    quote(value);
  }
  void field(const char* key, const char* value) { field(key, std::string(value)); }
  void field(const char* key, bool value) { raw(key, value ? "true" : "false"); }
  void field(const char* key, int value) { raw(key, std::to_string(value)); }
  void field(const char* key, double value) {
    char text[32];
    std::snprintf(text, sizeof text, std::isfinite(value) ? "%.9g" : "null", value);
    raw(key, text);
  }
  void field(const char* key, const std::vector<int>& values) {
    std::string text;
    for (int value : values) text += (text.empty() ? "" : ", ") + std::to_string(value);
    raw(key, "[" + text + "]");
  }

  const std::string& text() const { return text_; }

 private:
  void separate() {
    if (!fresh_) text_ += ", ";
    fresh_ = false;
  }
  void open(char bracket) {
    separate();
    text_ += bracket;
    fresh_ = true;
  }
  void close(char bracket) {
    text_ += bracket;
    fresh_ = false;
  }
  void name(const char* key) {
    separate();
    quote(key);
    text_ += ": ";
  }
  void raw(const char* key, const std::string& value) {
    name(key);
    text_ += value;
  }
  void quote(const std::string& value) {
    text_ += '"';
    for (unsigned char c : value) {
      if (c == '"' || c == '\\') {
        text_ += '\\';
        text_ += static_cast<char>(c);
      } else if (c < 0x20 || c >= 0x80) {
        // Names come from the model file and need not be UTF-8: keep the text plain ASCII.
        char escaped[8];
        std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
        text_ += escaped;
      } else {
        text_ += static_cast<char>(c);
      }
    }
    text_ += '"';
  }

  std::string text_;
  bool fresh_ = true;  // nothing before the next item in its list
};

}  // namespace tfsparse
