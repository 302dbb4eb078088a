// A real kubelet, of the same version as the control plane of the tests, and
// nothing else: the control plane's program is built by everyone who runs the
// tests, this one only by those who run a real node.
package main

import (
	"context"
	"os"

	"k8s.io/component-base/cli"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	// As upstream: without the imports there are no JSON logs and no metrics.
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

func main() {
	os.Exit(cli.Run(kubelet.NewKubeletCommand(context.Background())))
}
