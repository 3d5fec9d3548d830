/** Prints the closing line that CI reads: jest's own summary is for people. */
class CountReporter {
  onRunComplete(_contexts, results) {
    const broken = results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests > 0 ? `, ${results.numPendingTests} skipped` : '';
    process.stdout.write(
      `\n${results.numPassedTests} passed, ${results.numFailedTests + broken} failed${skipped}\n`,
    );
  }
}
module.exports = CountReporter;
