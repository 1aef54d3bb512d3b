# Not tested. URL and checksum are those of the release's source archive.
class Evscale < Formula
  desc "Embeddable predictive autoscaler for pools of jobs that process events"
  homepage "https://github.com/evscale/evscale"
  url "https://github.com/evscale/evscale/archive/refs/tags/v0.1.0.tar.gz"
  sha256 "0000000000000000000000000000000000000000000000000000000000000000"
  license any_of: ["MIT", "Apache-2.0"]

  depends_on "rust" => :build

  def install
    ENV["CARGO_TARGET_DIR"] = buildpath/"target"
    system "cargo", "build", "--profile", "dist", "--locked", "-p", "evscale-ffi"
    system "packaging/install.sh", "install", buildpath/"target/dist", version.to_s, prefix
  end

  test do
    (testpath/"version.c").write <<~C
      #include <evscale.h>
      int main(void) { return evscale_version_number() != EVSCALE_VERSION_NUMBER; }
    C
    system ENV.cc, "version.c", "-I#{include}", "-L#{lib}", "-levscale", "-o", "version"
    system "./version"
  end
end
