// Log Analytics and Application Insights. Telemetry is sent with the app's identity: no instrumentation key is accepted.

@description('Suffix of every name.')
param suffix string
param location string
param tags object
@description('Object id of the identity that sends telemetry.')
param principalId string
@description('Days that logs are kept; 30 are included in the price of their intake.')
@minValue(30)
@maxValue(730)
param retentionDays int
@description('Intake stops for the day at this many GB, so that a fault cannot run up a bill; -1 for no limit.')
@minValue(-1)
param dailyGigabytes int

var roles = loadJsonContent('../roles.json')

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: 'log-${suffix}'
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionDays
    workspaceCapping: {
      dailyQuotaGb: dailyGigabytes
    }
    features: {
      disableLocalAuth: true
    }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-${suffix}'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
  }
}

// Its queries stand in infra/queries. The name must be a GUID; this one stays the same, so that a later deployment changes the workbook and adds none.
resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(workspace.id, 'halo-bc')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'halo-bc ${suffix}'
    description: 'How pushes end, why records wait, what it costs.'
    category: 'workbook'
    version: 'Notebook/1.0'
    // The workspace whose page lists it, and which its queries ask.
    sourceId: workspace.id
    serializedData: string(union(loadJsonContent('../workbook.json'), { fallbackResourceIds: [workspace.id] }))
  }
}

resource metricsPublisher 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, principalId, roles.monitoringMetricsPublisher)
  scope: insights
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.monitoringMetricsPublisher)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}

output workspaceId string = workspace.id
@description('An address and an id. It opens nothing: local authentication is off.')
output telemetryAddress string = insights.properties.ConnectionString
